// @ts-check
// Behind PgBouncer in transaction mode (pgbouncer.ini): each transaction may be in another session of the
// server. Run: node pgbouncer.mjs STYLIST SERVICE DAY, with PGHOST and PGPORT of PgBouncer; it checks what it
// says, of versions before 1.21 too.
import assert from 'node:assert/strict';
import pg from 'pg';
import postgres from 'postgres';

const [stylist, service, day] = process.argv.slice(2);
const text = 'SELECT get_available_slots_json($1, $2, $3) AS answer';
const values = [stylist, service, day];

const [one, other] = [new pg.Client(), new pg.Client()];
await one.connect();
await other.connect();

/** @param {pg.Client} client @param {string} [name] */
const hit = async (client, name) => (await client.query({ name, text, values })).rows[0].answer.cache_hit;

// Answers are in shared memory, so it does not matter which session asks.
await hit(one);
assert.equal(await hit(other), true);

// What one session of the server has prepared, another has not, and a client does not know which it is in:
// its name is missing (26000), or another's is there already (42P05). So do without names, or set
// max_prepared_statements (1.21).
await one.query('BEGIN');
await other.query('BEGIN');
await hit(one, 'slots');
for (const step of ['COMMIT', 'BEGIN']) for (const client of [one, other]) await client.query(step);   // they have changed places
const outcomes = [];
for (const client of [one, other]) {
	outcomes.push(await hit(client, 'slots').then(() => 'fine', (error) => error.code));
	await client.query('ROLLBACK');
}
console.log(`named statements: ${outcomes.join(', ')}`);

// postgres.js prepares unless it is told not to.
const sql = postgres({ prepare: false, max: 4 });
for (let round = 0; round < 5; round++) {
	const many = await Promise.all(Array.from({ length: 40 }, () => sql`SELECT get_available_slots_json(${stylist}, ${service}, ${day}) AS answer`));
	assert(many.every(([row]) => row.answer.success));
}
await sql.end();

// SET stays behind in the server's session, for whoever is next there; SET LOCAL goes with the transaction.
// What is for all: ALTER ROLE … SET.
await one.query('BEGIN');
await one.query("SET LOCAL TimeZone = 'Asia/Kathmandu'");
await one.query('COMMIT');
assert.notEqual((await one.query('SHOW TimeZone')).rows[0].TimeZone, 'Asia/Kathmandu');

await one.end();
await other.end();
console.log(`answered on ${day}`);
