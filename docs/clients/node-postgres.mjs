// @ts-check
// node-postgres (npm install pg). Run: node node-postgres.mjs STYLIST SERVICE DAY, with PGHOST and the like;
// it checks what it says.
import assert from 'node:assert/strict';
import pg from 'pg';

process.env.TZ = 'America/Los_Angeles';   // west of Greenwich, where the traps are seen
const [stylist, service, day] = process.argv.slice(2);
const zone = 'Asia/Kathmandu';

// `timestamp` and `date` have no zone: as a Date they would be read in this process's. Leave them text.
for (const type of [pg.types.builtins.TIMESTAMP, pg.types.builtins.DATE]) pg.types.setTypeParser(type, (text) => text);

const client = new pg.Client();
await client.connect();

/** @param {string | Date} when @returns {Promise<import('./availability_cache.ts').Answer>} */
async function slots(when, who = stylist) {
	// json comes sooner than jsonb, and both arrive parsed. `name` has it prepared once a connection (behind
	// PgBouncer: see pgbouncer.mjs).
	const { rows } = await client.query({ name: 'slots', text: 'SELECT get_available_slots_json($1, $2, $3, $4) AS answer', values: [who, service, when, zone] });
	return rows[0].answer;
}

const answer = await slots(day);   // a day is text: '2030-10-16'
assert(answer.success);
assert.equal(answer.slots[0].slot_start_local.slice(0, 10), day);
assert(new Date(answer.slots[0].slot_start_utc).getTime() > Date.now());   // '…+00:00', so it is a moment anywhere

// A Date is sent in this process's zone: midnight in Greenwich is the evening before here.
const wrong = await slots(new Date(day));
assert(wrong.success && wrong.slots[0].slot_start_local.slice(0, 10) < day);

// Rows: timestamptz is a Date, which is right; timestamp would be one without the parser above.
const { rows } = await client.query('SELECT * FROM get_available_slots($1, $2, $3, $4)', [stylist, service, day, zone]);
assert(rows[0].slot_start_utc instanceof Date);
assert.equal(rows[0].slot_start_local, `${day} 08:00:00`);
assert.equal(rows[0].slot_start_utc.toISOString().slice(0, 19), answer.slots[0].slot_start_utc.slice(0, 19));

// Nothing is thrown for a stylist that is not there: look at success. get_available_slots, of rows, throws
// P0002.
const none = await slots(day, service);
assert(!none.success && none.code === 'STYLIST_NOT_FOUND');
await assert.rejects(client.query('SELECT * FROM get_available_slots($1, $2, $3)', [service, service, day]), { code: 'P0002' });

// The argument is a date; a cast to anything with a time finds no function.
await assert.rejects(client.query('SELECT get_available_slots_json($1, $2, $3::timestamp, $4)', [stylist, service, day, zone]), { code: '42883' });

await client.end();
console.log(`${answer.slots.length} slots on ${day}`);
