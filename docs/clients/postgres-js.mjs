// @ts-check
// postgres.js (npm install postgres). Run: node postgres-js.mjs STYLIST SERVICE DAY, with PGHOST and the
// like; it checks what it says.
import assert from 'node:assert/strict';
import postgres from 'postgres';

process.env.TZ = 'Asia/Kathmandu';   // east of the server's time zone, where the traps are seen
const [stylist, service, day] = process.argv.slice(2);
const zone = 'Asia/Kathmandu';

const sql = postgres({
	prepare: !process.env.POOLED,   // false behind PgBouncer in transaction mode, unless it is 1.21 or later with max_prepared_statements
	// `timestamp` and `date` have no zone: as a Date they would be read in this process's. Leave them text,
	// and send them as such.
	types: { plain: { to: 1114, from: [1114, 1082], serialize: (/** @type {any} */ value) => value, parse: (/** @type {string} */ text) => text } },
});

/** @param {string | Date} when @returns {Promise<import('./availability_cache.ts').Answer>} */
async function slots(when, who = stylist) {
	const [{ answer }] = await sql`SELECT get_available_slots_json(${who}, ${service}, ${when}, ${zone}) AS answer`;
	return answer;
}

const answer = await slots(day);   // a day is text: '2030-10-16'
assert(answer.success);
assert.equal(answer.slots[0].slot_start_local.slice(0, 10), day);

// A Date is a timestamptz, and there is no function of that: 42883. With a cast it is the day that the
// session's time zone has then: midnight here is the evening before in a server that is in UTC.
const [year, month, date] = day.split('-').map(Number);
const midnight = new Date(year, month - 1, date);
await assert.rejects(slots(midnight), { code: '42883' });
const [{ wrong }] = await sql`SELECT ${midnight}::date::text AS wrong`;
assert(wrong < day);

const rows = await sql`SELECT * FROM get_available_slots(${stylist}, ${service}, ${day}, ${zone})`;
assert(rows[0].slot_start_utc instanceof Date);
assert.equal(rows[0].slot_start_local, `${day} 08:00:00`);

// Nothing is thrown for a stylist that is not there: look at success.
const none = await slots(day, service);
assert(!none.success && none.code === 'STYLIST_NOT_FOUND');
await assert.rejects(sql`SELECT * FROM get_available_slots(${service}, ${service}, ${day})`, { code: 'P0002' });

// A month, sent without waiting for each answer: one connection takes them as a pipeline.
const month_of_days = await Promise.all(Array.from({ length: 30 }, (_, i) => slots(new Date(Date.UTC(year, month - 1, date + i)).toISOString().slice(0, 10))));
assert(month_of_days.every((a) => a.success));

await sql.end();
console.log(`${answer.slots.length} slots on ${day}`);
