// @ts-check
// Drizzle over node-postgres (npm install drizzle-orm pg). Run: node drizzle.mjs STYLIST SERVICE DAY, with
// PGHOST and the like; it checks what it says.
import assert from 'node:assert/strict';
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import pg from 'pg';

process.env.TZ = 'America/Los_Angeles';
const [stylist, service, day] = process.argv.slice(2);
const zone = 'Asia/Kathmandu';

const pool = new pg.Pool();
const db = drizzle(pool);

/** @param {string | Date} when @returns {Promise<import('./availability_cache.ts').Answer>} */
async function slots(when, who = stylist) {
	const { rows } = await db.execute(sql`SELECT get_available_slots_json(${who}, ${service}, ${when}, ${zone}) AS answer`);
	return /** @type {any} */ (rows[0].answer);
}

const answer = await slots(day);   // a day is text: '2030-10-16'
assert(answer.success);
assert.equal(answer.slots[0].slot_start_local.slice(0, 10), day);

// A Date is node-postgres's affair, which sends it in this process's zone: the day before.
const wrong = await slots(new Date(day));
assert(wrong.success && wrong.slots[0].slot_start_local.slice(0, 10) < day);

// Rows of execute() are text where they are times, also timestamptz, in the session's zone: new Date() reads
// that, and must not read the local ones.
const { rows } = await db.execute(sql`SELECT * FROM get_available_slots(${stylist}, ${service}, ${day}, ${zone})`);
assert.equal(rows[0].slot_start_local, `${day} 08:00:00`);
assert.equal(new Date(String(rows[0].slot_start_utc)).getTime(), new Date(answer.slots[0].slot_start_utc).getTime());

// Nothing is thrown for a stylist that is not there: look at success.
const none = await slots(day, service);
assert(!none.success && none.code === 'STYLIST_NOT_FOUND');

// Inside a transaction that has written, every answer is computed: ask before it, or after.
await db.transaction(async (tx) => {
	await tx.execute(sql`UPDATE stylist_profiles SET display_name = display_name WHERE user_id = ${stylist}`);
	const { rows: [{ hit }] } = await tx.execute(sql`SELECT get_available_slots_json(${stylist}, ${service}, ${day}, ${zone}) ->> 'cache_hit' AS hit`);
	assert.equal(hit, 'false');
});

await pool.end();
console.log(`${answer.slots.length} slots on ${day}`);
