// A small stand-in for PostgREST 12: answers RPC calls with the SQL that PostgREST issues, so that clients,
// HTTP caches and browsers meet the database as they do behind it. It serves files and relays notifications
// too. Not a product: no filters beyond comparisons, no tables, no embedding.
//
//   node postgrest.mjs [--port N] [--files DIR]… [--anon ROLE] [--schema NAME] [--pre-request FUNCTION] [--listen CHANNEL] [--log]
//
// The database is that of PGHOST, PGPORT, PGUSER and PGDATABASE; PGUSER is the authenticator, who must be
// able to take the roles. Tokens are HS256, by JWT_SECRET. Prints "listening on URL" when it is ready.
// --files: URLs below / are files of DIR; later ones at /NAME of their folder.
//
//   POST, GET /rest/v1/rpc/FUNCTION, /rpc/FUNCTION     as PostgREST
//   GET /events                                        notifications of --listen as server-sent events
//   GET /counts                                        {"GET /rpc/name 304": n, …}: what was answered
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import pg from 'pg';

const asText = { getTypeParser: () => (value) => value };
const quoted = (name) => '"' + name.replaceAll('"', '""') + '"';

// ---- errors ----

class HttpError extends Error {
	constructor(status, code, message, details = null, hint = null) {
		super(message);
		Object.assign(this, { status, body: { code, details, hint, message } });
	}
}

// SQLSTATE, or how it begins, to HTTP status; the first that fits.
const STATUS = [
	['08', 503], ['09', 500], ['0L', 403], ['0P', 403], ['23503', 409], ['23505', 409], ['25006', 405], ['21', 500], ['25', 500], ['28', 403], ['2D', 500],
	['38', 500], ['39', 500], ['3B', 500], ['40', 500], ['53400', 500], ['53', 503], ['54', 500], ['55', 500], ['57P01', 503], ['57', 500], ['58', 500],
	['F0', 500], ['HV', 500], ['P0001', 400], ['P0', 500], ['XX', 500], ['42883', 404], ['42P01', 404], ['42P17', 500],
];

function errorOf(error, isAnonymous) {
	if (error instanceof HttpError) return error;
	if (!error.code || error.severity === undefined) return new HttpError(503, 'PGRST000', error.message);
	const { code, message, detail = null, hint = null } = error;
	let status = STATUS.find(([prefix]) => code.startsWith(prefix))?.[1] ?? 400;
	if (code === '42501') status = isAnonymous ? 401 : 403;
	if (/^PT\d{3}$/.test(code)) status = Number(code.slice(2));
	return new HttpError(status, code, message, detail, hint);
}

// ---- who asks ----

function claimsOf(header, secret, anon) {
	if (!header) return { role: anon };
	const refuse = (why) => { throw new HttpError(401, 'PGRST301', why); };
	const [head, payload, signature] = header.replace(/^Bearer /i, '').split('.');
	if (!secret || signature === undefined) refuse('JWT is not valid here');
	const given = Buffer.from(signature, 'base64url');
	const right = createHmac('sha256', secret).update(`${head}.${payload}`).digest();
	if (given.length !== right.length || !timingSafeEqual(given, right)) refuse('JWSError JWSInvalidSignature');
	const claims = JSON.parse(Buffer.from(payload, 'base64url'));
	if (claims.exp !== undefined && claims.exp < Date.now() / 1000) refuse('JWT expired');
	return { role: anon, ...claims };
}

// ---- what is called ----

const FUNCTIONS = `
	SELECT p.proname AS name, p.provolatile = 'v' AS is_volatile, p.proretset AS returns_set, p.prorettype = 'void'::regtype AS returns_void,
	       p.prorettype = 'record'::regtype OR t.typtype = 'c' AS returns_rows,
	       CASE WHEN t.typtype = 'd' AND t.typname ~* '^[a-z0-9.-]+/[a-z0-9.+-]+$' THEN t.typname END AS media_type, quote_ident(tn.nspname) || '.' || quote_ident(t.typname) AS type,
	       (SELECT coalesce(json_agg(json_build_object('name', a.name, 'type', format_type(a.type, NULL), 'required', a.i <= p.pronargs - p.pronargdefaults) ORDER BY a.i), '[]')
	          FROM unnest(p.proargtypes::oid[], p.proargnames) WITH ORDINALITY a(type, name, i) WHERE a.i <= p.pronargs)::text AS arguments
	  FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_type t ON t.oid = p.prorettype JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace
	 WHERE p.prokind = 'f' AND p.pronamespace = $1::regnamespace`;

// PostgREST's schema cache, for functions; read again when a name is not found.
class Functions {
	constructor(pool, schema) { Object.assign(this, { pool, schema, all: [] }); }

	async read() {
		const { rows } = await this.pool.query({ text: FUNCTIONS, values: [quoted(this.schema)], types: asText });
		this.all = rows.map((row) => ({
			name: row.name, arguments: JSON.parse(row.arguments), isVolatile: row.is_volatile === 't', isVoid: row.returns_void === 't',
			isScalar: row.returns_rows === 'f' && row.returns_set === 'f', isSetOfScalar: row.returns_rows === 'f' && row.returns_set === 't',
			isOneRow: row.returns_rows === 't' && row.returns_set === 'f', mediaType: row.media_type, type: row.type,
		}));
	}

	named(name, given) {
		return this.all.filter((f) => f.name === name && f.arguments.every((a) => given.includes(a.name) || !a.required));
	}

	// isGet: parameters that are no arguments are filters.
	async find(name, given, isGet) {
		const fits = (f) => isGet || given.every((key) => f.arguments.some((a) => a.name === key));
		let found = this.named(name, given).filter(fits);
		if (found.length === 0) {
			await this.read();
			found = this.named(name, given).filter(fits);
		}
		const most = Math.max(...found.map((f) => f.arguments.filter((a) => given.includes(a.name)).length));
		found = found.filter((f) => f.arguments.filter((a) => given.includes(a.name)).length === most);
		const called = `${this.schema}.${name}(${given.join(', ')})`;
		if (found.length === 0) throw new HttpError(404, 'PGRST202', `Could not find the function ${called} in the schema cache`);
		if (found.length > 1) throw new HttpError(300, 'PGRST203', `Could not choose the best candidate function between: ${found.map((f) => `${name}(${f.arguments.map((a) => `${a.name} => ${a.type}`).join(', ')})`)}`);
		return found[0];
	}
}

// ---- the statement ----

const OPERATORS = { eq: '=', neq: '<>', gt: '>', gte: '>=', lt: '<', lte: '<=' };
const SETTING = (name) => `nullif(current_setting('${name}', true), '')`;

// What of a query string is not an argument: select=a,b and column=operator.value.
function narrowing(query, names) {
	const filters = [];
	let columns = [];
	for (const [key, value] of query) {
		if (names.includes(key)) continue;
		if (key === 'select') {
			columns = value === '*' || value === '' ? [] : value.split(',');
			continue;
		}
		const [, operator, operand] = /^(\w+)\.(.*)$/s.exec(value) ?? [];
		if (!OPERATORS[operator]) throw new HttpError(400, 'PGRST100', `"failed to parse filter (${value})"`);
		filters.push({ column: key, operator: OPERATORS[operator], operand });
	}
	return { columns, filters };
}

// callPlanToQuery: a GET has its arguments one by one, a POST the body as json.
function callOf(schema, f, given, body, narrow, values) {
	const used = f.arguments.filter((a) => a.name in given);
	const plain = body === undefined;
	const passed = used.map((a) => (plain ? `${quoted(a.name)} := $${values.push(given[a.name])}::${a.type}` : `${quoted(a.name)} := pgrst_body.${quoted(a.name)}`)).join(', ');
	const name = `${quoted(schema)}.${quoted(f.name)}(${passed})`;
	const isScalar = f.isScalar || f.isSetOfScalar;
	const call = isScalar ? `(SELECT ${name} pgrst_scalar) pgrst_call` : `${name} pgrst_call`;
	const returned = [...new Set([...narrow.columns, ...(narrow.columns.length ? narrow.filters.map((x) => x.column) : [])])];
	const columns = isScalar ? 'pgrst_call.pgrst_scalar' : returned.map((c) => `pgrst_call.${quoted(c)}`).join(', ') || '*';
	if (plain || used.length === 0) return `SELECT ${columns} FROM ${call}`;
	const list = used.map((a) => quoted(a.name)).join(', ');
	const typed = used.map((a) => `${quoted(a.name)} ${a.type}`).join(', ');
	return `SELECT ${columns} FROM (SELECT $${values.push(body)}::json AS json_data) pgrst_payload, ` +
		`LATERAL (SELECT ${list} FROM json_to_record(pgrst_payload.json_data) AS _(${typed}) ) pgrst_body , LATERAL ${call}`;
}

// prepareCall. Who accepts the very media type that a function returns gets what it returned.
function statementOf(schema, f, given, body, narrow, isSingular, isMedia) {
	const values = [];
	const call = callOf(schema, f, given, body, narrow, values);
	const row = f.isScalar || f.isSetOfScalar ? '_postgrest_t.pgrst_scalar' : '_postgrest_t';
	const answer = isMedia ? `${f.type}(${row})` : f.isScalar || f.isOneRow || isSingular ? `coalesce(json_agg(${row})->0, 'null')` : `coalesce(json_agg(${row}), '[]')`;
	const of = quoted(f.name);
	const columns = narrow.columns.map((c) => `${of}.${quoted(c)}`).join(', ') || `${of}.*`;
	const where = narrow.filters.map((x) => `${of}.${quoted(x.column)} ${x.operator} $${values.push(x.operand)}`).join(' AND ');
	const text = `WITH pgrst_source AS (${call}) SELECT null::bigint AS total_result_set, ${isMedia ? '1' : 'pg_catalog.count(_postgrest_t)'} AS page_total, ${answer} AS body, ` +
		`${SETTING('response.headers')} AS response_headers, ${SETTING('response.status')} AS response_status, '' AS response_inserted ` +
		`FROM (SELECT ${columns} FROM "pgrst_source" AS ${of}${where && ` WHERE ${where}`} ) _postgrest_t`;
	return { text, values };
}

// Prepared once in each connection, as PostgREST does.
const prepared = ({ text, values }) => ({ name: createHash('sha1').update(text).digest('hex'), text, values, types: asText });

// ---- a request ----

// Set before the role is, as one statement (txVarQuery).
function settingsOf(config, request, claims) {
	const cookies = Object.fromEntries((request.headers.cookie ?? '').split(/; */).filter(Boolean).map((c) => c.split(/=(.*)/s).slice(0, 2)));
	const { cookie, ...headers } = request.headers;
	const zone = /(?:^|,)\s*timezone=([^,\s]+)/.exec(headers.prefer ?? '')?.[1];
	const settings = [
		['search_path', `${quoted(config.schema)}, "public"`], ['role', claims.role], ['request.jwt.claims', JSON.stringify(claims)],
		['request.method', request.method], ['request.path', new URL(request.url, 'http://x').pathname.replace(/^\/rest\/v1/, '')],
		['request.headers', JSON.stringify(headers)], ['request.cookies', JSON.stringify(cookies)], ...(zone ? [['timezone', zone]] : []),
	];
	return {
		text: `select ${settings.map(([name], i) => `set_config('${name}', $${i + 1}, true)`).join(', ')}`,
		values: settings.map(([, value]) => value),
	};
}

// GET and HEAD may not write, nor may functions that promise not to.
async function inTransaction(config, isReadOnly, settings, statement) {
	const client = await config.pool.connect();
	try {
		await client.query(`BEGIN ISOLATION LEVEL READ COMMITTED ${isReadOnly ? 'READ ONLY' : 'READ WRITE'}`);
		await client.query(prepared(settings));
		if (config.preRequest) await client.query(`select ${config.preRequest}()`);
		const { rows } = await client.query(prepared(statement));
		statement.check?.(rows[0]);
		await client.query('COMMIT');
		client.release();
		return rows[0];
	} catch (error) {
		await client.query('ROLLBACK').then(() => client.release(), () => client.release(true));
		throw error;
	}
}

function readBody(request) {
	return new Promise((resolve, reject) => {
		const parts = [];
		request.on('data', (part) => parts.push(part)).on('error', reject).on('end', () => resolve(Buffer.concat(parts).toString()));
	});
}

function parseObject(body) {
	try {
		const given = JSON.parse(body || '{}');
		if (given !== null && typeof given === 'object' && !Array.isArray(given)) return given;
	} catch { /* said below */ }
	throw new HttpError(400, 'PGRST102', 'Empty or invalid json');
}

// response.headers: an array of objects of one header each.
function headersOf(text) {
	if (!text) return {};
	let given;
	try {
		given = JSON.parse(text);
	} catch { /* said below */ }
	if (!Array.isArray(given) || !given.every((h) => h && Object.keys(h).length === 1 && typeof Object.values(h)[0] === 'string'))
		throw new HttpError(500, 'PGRST111', 'response.headers guc must be a JSON array composed of objects with a single key and a string value');
	const headers = {};
	for (const [name, value] of given.flatMap(Object.entries)) headers[name] = name.toLowerCase() === 'set-cookie' ? [...(headers[name] ?? []), value] : value;
	return headers;
}

async function rpc(config, request, name, claims) {
	const isPost = request.method === 'POST';
	if (!isPost && request.method !== 'GET' && request.method !== 'HEAD') throw new HttpError(405, 'PGRST101', `Cannot use the ${request.method} method on RPC`);
	const query = [...new URL(request.url, 'http://x').searchParams];
	const body = isPost ? (await readBody(request)) || '{}' : undefined;
	const given = isPost ? parseObject(body) : Object.fromEntries(query);
	const f = await config.functions.find(name, Object.keys(given), !isPost);
	const isSingular = /application\/vnd\.pgrst\.object/.test(request.headers.accept ?? '');
	const narrow = narrowing(query, isPost ? [] : f.arguments.map((a) => a.name));
	const accepted = (request.headers.accept ?? '').split(',').map((one) => one.split(';')[0].trim());
	const isMedia = f.mediaType !== null && accepted.includes(f.mediaType);
	const statement = statementOf(config.schema, f, given, body, narrow, isSingular, isMedia);
	statement.check = (row) => {
		if (isSingular && row.page_total !== '1')
			throw new HttpError(406, 'PGRST116', 'JSON object requested, multiple (or no) rows returned', `The result contains ${row.page_total} rows`);
		headersOf(row.response_headers);
	};
	const row = await inTransaction(config, !isPost || !f.isVolatile, settingsOf(config, request, claims), statement);
	const status = row.response_status ?? (f.isVoid ? '204' : '200');
	if (!/^[1-5]\d\d$/.test(status)) throw new HttpError(500, 'PGRST112', 'response.status guc must be a valid status code');
	const type = isMedia ? f.mediaType : isSingular ? 'application/vnd.pgrst.object+json' : 'application/json';
	return { status: Number(status), headers: { 'Content-Type': `${type}; charset=utf-8`, ...headersOf(row.response_headers) }, body: row.body };
}

// ---- files and notifications ----

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript', '.css': 'text/css', '.json': 'application/json', '.svg': 'image/svg+xml' };

async function file(config, pathname) {
	for (const [i, dir] of config.files.entries()) {
		const prefix = i === 0 ? '/' : `/${path.basename(dir)}/`;
		if (!pathname.startsWith(prefix)) continue;
		let name = path.join(dir, decodeURIComponent(pathname.slice(prefix.length)));
		if (name !== dir && !name.startsWith(dir + path.sep)) continue;
		if ((await stat(name).catch(() => null))?.isDirectory()) name = path.join(name, 'index.html');
		const body = await readFile(name).catch(() => null);
		if (body) return { status: 200, headers: { 'Content-Type': `${TYPES[path.extname(name)] ?? 'application/octet-stream'}; charset=utf-8`, 'Cache-Control': 'no-cache' }, body };
	}
	throw new HttpError(404, 'PGRST125', 'Invalid path specified in request URL');
}

async function listen(config) {
	const client = new pg.Client();
	config.listener = client;
	client.on('error', (error) => config.log(`listener: ${error.message}`));
	client.on('notification', ({ payload }) => {
		for (const response of config.streams) response.write(`data: ${payload.replaceAll('\n', '\ndata: ')}\n\n`);
	});
	await client.connect();
	await client.query(`LISTEN ${quoted(config.listen)}`);
}

function stream(config, response) {
	response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
	response.write(': open\n\n');
	config.streams.add(response);
	response.on('close', () => config.streams.delete(response));
}

// ---- the server ----

const CORS = {
	'Access-Control-Allow-Origin': '*',
	'Access-Control-Expose-Headers': 'Content-Encoding, Content-Location, Content-Range, Content-Type, Date, Location, Server, Transfer-Encoding, Range-Unit',
};

async function answer(config, request, pathname) {
	const [, name] = /^(?:\/rest\/v1)?\/rpc\/([^/]+)$/.exec(pathname) ?? [];
	if (name === undefined) return pathname === '/counts' ? { status: 200, headers: {}, body: JSON.stringify(config.counts) } : file(config, pathname);
	if (request.method === 'OPTIONS')
		return { status: 200, headers: { 'Access-Control-Allow-Methods': 'GET, POST, HEAD, OPTIONS', 'Access-Control-Allow-Headers': request.headers['access-control-request-headers'] ?? '*', 'Access-Control-Max-Age': '86400' } };
	const claims = claimsOf(request.headers.authorization, config.secret, config.anon);
	try {
		return await rpc(config, request, decodeURIComponent(name), claims);
	} catch (error) {
		throw errorOf(error, !request.headers.authorization);
	}
}

async function handle(config, request, response) {
	const { pathname } = new URL(request.url, 'http://x');
	if (pathname === '/events' && config.listen) return stream(config, response);
	const said = await answer(config, request, pathname).catch((error) => {
		const known = errorOf(error, true);
		return { status: known.status, headers: { 'Content-Type': 'application/json; charset=utf-8' }, body: JSON.stringify(known.body) };
	});
	const key = `${request.method} ${pathname.replace(/^\/rest\/v1/, '')} ${said.status}`;
	config.counts[key] = (config.counts[key] ?? 0) + 1;
	config.log(key);
	const isEmpty = [204, 304].includes(said.status) || request.method === 'HEAD';
	response.writeHead(said.status, { ...CORS, ...said.headers });
	response.end(isEmpty ? undefined : said.body);
}

// options: those of the command line in camel case, files an array. Returns {url, counts, close}.
export async function start(options = {}) {
	const config = {
		port: 0, files: [], anon: 'anon', schema: 'public', secret: process.env.JWT_SECRET, log: () => {}, connections: 10, ...options,
		counts: {}, streams: new Set(),
	};
	config.files = config.files.map((dir) => path.resolve(dir));
	config.pool = new pg.Pool({ max: config.connections });
	config.pool.on('error', (error) => config.log(`pool: ${error.message}`));
	config.functions = new Functions(config.pool, config.schema);
	await config.functions.read();
	if (config.listen) await listen(config);
	const server = http.createServer((request, response) => handle(config, request, response).catch((error) => {
		config.log(error.stack);
		response.destroy();
	}));
	await new Promise((resolve, reject) => server.once('error', reject).listen(Number(config.port), '127.0.0.1', resolve));
	const close = async () => {
		server.close();
		server.closeAllConnections();
		await config.listener?.end();
		await config.pool.end();
	};
	return { url: `http://127.0.0.1:${server.address().port}`, counts: config.counts, close };
}

function commandLine(words) {
	const options = { files: [] };
	while (words.length) {
		const name = words.shift().replace(/^--/, '').replace(/-(\w)/g, (_, letter) => letter.toUpperCase());
		if (name === 'log') options.log = console.error;
		else if (name === 'files') options.files.push(words.shift());
		else options[name] = words.shift();
	}
	return options;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
	const { url, close } = await start(commandLine(process.argv.slice(2)));
	for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => close().finally(() => process.exit(0)));
	console.log(`listening on ${url}`);
}
