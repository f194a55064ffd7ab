// Writes TypeScript types of the rows and answers of a database's availability functions, from its catalogs:
//
//   npm install pg; node types.mjs >availability_cache.ts      with PGHOST and the like
//
// They are types of JSON, as PostgREST and get_available_slots_json give it: times are strings. Of a database
// with rules.compute_function, Slot is a row of that function. `Database` is what createClient<Database>() of
// supabase-js takes; put its functions beside your own.
import pg from 'pg';

// Whether a column may be NULL is not in the catalogs. This is known of get_available_slots; of other
// functions any may.
const NEVER_NULL = /^(slot_\w+|status)$/;

const FUNCTIONS = `
	SELECT p.oid::regprocedure::text AS called, p.proname AS name, p.proretset AS returns_set, format_type(p.prorettype, NULL) AS returns,
	       obj_description(p.oid, 'pg_proc') AS comment,
	       (SELECT json_agg(json_build_object('name', a.name, 'type', format_type(a.type, NULL), 'mode', coalesce(a.mode, 'i'),
	                                          'optional', a.i > p.pronargs - p.pronargdefaults) ORDER BY a.i)
	          FROM unnest(coalesce(p.proallargtypes, p.proargtypes::oid[]), p.proargnames, p.proargmodes) WITH ORDINALITY a(type, name, mode, i)) AS arguments
	  FROM pg_catalog.pg_proc p
	 WHERE p.oid = ANY ($1::regprocedure[])
	 ORDER BY p.proname`;

const NAMED = `
	SELECT array_agg(p.oid::regprocedure::text) AS own, (SELECT to_regprocedure(r.compute_function)::text FROM availability_cache.rules r) AS computes
	  FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_proc p ON d.classid = 'pg_catalog.pg_proc'::regclass AND p.oid = d.objid
	  JOIN pg_catalog.pg_extension e ON d.refclassid = 'pg_catalog.pg_extension'::regclass AND e.oid = d.refobjid AND d.deptype = 'e'
	 WHERE e.extname = 'availability_cache' AND p.pronamespace = $1::regnamespace`;

const SCALARS = {
	boolean: 'boolean', smallint: 'number', integer: 'number', bigint: 'number', real: 'number', 'double precision': 'number', numeric: 'number',
	json: 'Json', jsonb: 'Json', void: 'undefined',
};
const scalar = (type) => (type.endsWith('[]') ? `${scalar(type.slice(0, -2))}[]` : SCALARS[type] ?? 'string');
const key = (name) => (/^[a-z_][a-z0-9_]*$/i.test(name) ? name : JSON.stringify(name));

const isClassic = (f, isOwn) => isOwn && f.name === 'get_available_slots';
const rowName = (f) => f.name.replace(/(^|_)(\w)/g, (_, __, letter) => letter.toUpperCase()) + 'Row';
const columnsOf = (f) => f.arguments.filter((a) => 'tob'.includes(a.mode));

function columnOf(c, isKnown) {
	const type = isKnown && c.name === 'status' ? 'Status' : scalar(c.type);
	return `\t${key(c.name)}: ${type}${isKnown && NEVER_NULL.test(c.name) ? '' : ' | null'};   // ${c.type}`;
}

const rowOf = (f, name, isOwn) => `export interface ${name} {\n${columnsOf(f).map((c) => columnOf(c, isClassic(f, isOwn))).join('\n')}\n}\n`;

function argumentsOf(f) {
	const given = f.arguments.filter((a) => 'ib'.includes(a.mode));
	return given.length === 0 ? 'Record<PropertyKey, never>' : `{ ${given.map((a) => `${key(a.name)}${a.optional ? '?' : ''}: ${scalar(a.type)}`).join('; ')} }`;
}

function returnsOf(f) {
	if (/^get_available_slots_(v2|json)$/.test(f.name)) return 'Answer';
	if (/^get_(available_slots_range|next_available)(_json)?$/.test(f.name)) return 'RangeAnswer';
	if (/^get_available_days(_json)?$/.test(f.name)) return 'DaysAnswer';
	if (columnsOf(f).length > 0) return rowName(f) + (f.returns_set ? '[]' : '');
	return f.returns_set ? `${scalar(f.returns)}[]` : scalar(f.returns);
}

const HEAD = `// Types of JSON that the availability functions give. Made by types.mjs from the catalogs: run it again instead of changing this.
/* eslint-disable */

export type Json = string | number | boolean | null | Json[] | { [name: string]: Json | undefined };

export type Status = 'available' | 'booked' | 'reserved' | 'in_break' | 'unavailable';

/** Why a slot, or a whole day, is not available. */
export type Reason = 'too_soon' | 'too_late' | 'on_break' | 'booked' | 'full' | 'held' | 'no_resource' | 'daily_limit' | 'weekly_limit' | 'closed' | 'no_hours' | 'too_short';

/** NOT_FOUND is of rules.compute_function. */
export type ErrorCode = 'INVALID_ARGUMENT' | 'INVALID_TIMEZONE' | 'STYLIST_NOT_FOUND' | 'SERVICE_NOT_OFFERED' | 'NOT_FOUND' | 'INTERNAL_ERROR';

/** What get_available_slots_v2 and get_available_slots_json give. An error comes with HTTP's 200 and without an \`error\` of supabase-js: look at success. */
export type Answer =
	| { success: true; slots: Slot[]; reason?: Reason | null; cached: boolean; cache_hit: boolean; computed_at: string }
	| Failure;
export interface Failure { success: false; error: string; code: ErrorCode }

/** What get_available_slots_range and get_next_available give, and get_available_days. */
export type RangeAnswer = { success: true; slots: RangeSlot[]; cached: boolean; cache_hit: boolean; computed_at: string } | Failure;
export type DaysAnswer = { success: true; days: Day[]; cached: boolean; cache_hit: boolean; computed_at: string } | Failure;

/** first is the first slot's start, on the customer's clock; null, and with a reason, where there is none. */
export interface Day { date: string; slots: number; seats: number; first?: string; reason?: Reason }
`;

/** What v2 and json have besides the row. */
const SLOT = (name) => `export type Slot = ${name} & {
	seats_left?: number;   // where the service has a capacity
	reason?: Reason | null;   // with rules.show_reasons, null where it is available
};
`;

const client = new pg.Client();
await client.connect();
await client.query('SET search_path = pg_catalog');
const { rows: [schema] } = await client.query("SELECT extnamespace::regnamespace::text AS name FROM pg_extension WHERE extname = 'availability_cache'");
if (!schema) throw new Error('availability_cache is not installed in this database');
const { rows: [{ own, computes }] } = await client.query(NAMED, [schema.name]);
const { rows: functions } = await client.query(FUNCTIONS, [[...own, ...(computes ? [computes] : [])]]);
await client.end();

const asked = functions.filter((f) => own.includes(f.called));
const slots = computes ? functions.find((f) => f.called === computes) : asked.find((f) => f.name === 'get_available_slots');
console.log(`${HEAD}
${asked.filter((f) => columnsOf(f).length > 0).map((f) => `/** A row of ${f.name}. */\n${rowOf(f, rowName(f), true)}`).join('\n')}
/** A slot of an answer: a row of ${slots.name}, as JSON. */
${computes ? rowOf(slots, 'Slot', false) : SLOT(rowName(slots))}
/** A slot of several days or stylists. */
export type RangeSlot = GetAvailableSlotsRow & {
	stylists: string[];   // who is free
	seats_left: number;
	reason?: Reason | null;   // with rules.show_reasons
};

export interface Database {
	${key(schema.name)}: {
		Tables: Record<never, never>;
		Views: Record<never, never>;
		Functions: {
${asked.map((f) => `\t\t\t${key(f.name)}: { Args: ${argumentsOf(f)}; Returns: ${returnsOf(f)} };`).join('\n')}
		};
		Enums: Record<never, never>;
		CompositeTypes: Record<never, never>;
	};
}`);
