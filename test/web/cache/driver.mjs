// Drives the page of test/t/076_browser_cache.pl in headless Chromium, and writes TAP: node driver.mjs DIR
// URL, where DIR is served at URL.
import { execFileSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { createClient } from '@supabase/supabase-js';
import { chromium } from 'playwright-core';
import { createAvailabilityCache, isOutdated, readHeaders } from '../../../clients/availability-cache.js';

const [dir, url] = process.argv.slice(2);
const { one, two, service, day, next, far } = JSON.parse(process.env.SALON);
let tests = 0;

function ok(is, name, why = '') {
	tests += 1;
	console.log(`${is ? 'ok' : 'not ok'} ${tests} - ${name}`);
	if (!is) console.log(`# ${why}`);
}
const equal = (got, expected, name) => ok(JSON.stringify(got) === JSON.stringify(expected), name, `${JSON.stringify(got)}, not ${JSON.stringify(expected)}`);

// As somebody else, by SQL alone.
const sql = (text) => execFileSync('psql', ['-XAtq', '-v', 'ON_ERROR_STOP=1', '-c', text], { env: { ...process.env, PGUSER: process.env.SQL_USER } }).toString().trim();
const counts = async () => (await fetch(`${url}/counts`)).json();
const asked = async (status) => (await counts())[`GET /rpc/get_available_slots_v2 ${status}`] ?? 0;

async function open(context, more = {}) {
	const page = await context.newPage();
	pages.add(page);
	page.on('close', () => pages.delete(page));
	page.on('pageerror', (error) => console.log(`# ${error.stack}`));
	await page.goto(`${url}/?${new URLSearchParams({ one, two, service, day, next, ...more })}`);
	await page.waitForFunction(() => [...document.querySelectorAll('p')].filter((p) => /^[abu]+$/.test(p.textContent)).length === 2);
	return page;
}
const text = (page, id) => page.textContent(`#${id}`);
const shows = (page, id, expected) => page.waitForFunction(([i, e]) => document.getElementById(i).textContent === e, [id, expected], { timeout: 10000 }).then(() => true, () => false);
const kept = (page) => page.evaluate(() => Object.keys(localStorage).filter((k) => k.startsWith('availability-cache:')).map((k) => {
	const { key, data } = JSON.parse(localStorage[k]);
	return `${key[2].p_stylist_id} ${key[2].p_target_date} ${data.map((s) => s[0]).join('')}`;
}).sort());
const withSlots = (...booked) => Array.from({ length: 24 }, (_, i) => (booked.includes(i) ? 'b' : 'a')).join('');
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const pages = new Set();
// Nobody asks, nor has for a while: a page that listens never ends its requests.
async function settled() {
	for (let before; ;) {
		const asking = await Promise.all([...pages].map((page) => page.evaluate(() => window.asking)));
		const now = JSON.stringify({ ...(await counts()), 'GET /counts 200': 0, asking });
		if (now === before && asking.every((n) => n === 0)) return;
		before = now;
		await pause(250);
	}
}

// ---- what is outdated by what is said ----

function units() {
	const slots = { p_stylist_id: one.toUpperCase(), p_service_id: service, p_target_date: day };
	const said = (...keys) => ({ namespaces: ['availability', 'people'], keys });
	const enrolments = (columns) => said({ table: 'public.enrolment', functions: { 'public.enrolments_of': 'person_id', 'public.all': null }, columns });
	const functions = { enrolments_of: { arguments: { p: 'person_id' }, namespace: 'people' }, other: { tables: ['public.enrolment'] }, unrelated: { namespace: 'shop' }, month: { namespace: 'availability' } };
	const cases = [
		['everything', {}, 'get_available_slots_v2', slots, true], ['its namespace', { namespaces: ['availability'] }, 'get_available_slots_v2', slots, true],
		['another namespace', { namespaces: ['people'] }, 'get_available_slots_v2', slots, false], ['the stylist', said({ stylist: one }), 'get_available_slots_json', slots, true],
		['another stylist', said({ stylist: two }), 'get_available_slots_v2', slots, false], ['its day', said({ stylist: one, from: day, to: day }), 'get_available_slots_v2', slots, true],
		['another day', said({ stylist: one, from: next, to: far }), 'get_available_slots_v2', slots, false], ['its service', said({ service }), 'get_available_slots_v2', slots, true],
		['another service', said({ service: one }), 'get_available_slots_v2', slots, false], ['all slots', said({ namespace: 'availability' }), 'get_available_slots_v2', slots, true],
		['days of several', said({ stylist: two, from: day, to: day }), 'get_available_days', { p_stylist_ids: [one, two], p_from: '2000-01-01', p_to: far }, true],
		['days of others', said({ stylist: two, from: day, to: day }), 'get_available_days', { p_stylist_ids: [one], p_from: day, p_to: far }, false],
		['days of everybody', said({ stylist: two, from: day, to: day }), 'get_available_days', { p_from: day, p_to: far }, true],
		['one made of them', said({ stylist: one, from: day, to: day }), 'slots', slots, true], ['of another day', said({ stylist: one, from: next, to: far }), 'slots', slots, false],
		['one that does not say whose', said({ stylist: two, from: day, to: day }), 'get_round_robin', { p_start: day }, true],
		['a name that says nothing', said({ stylist: two, from: day, to: day }), 'calendar', {}, false], ['of that namespace', said({ stylist: two, from: day, to: day }), 'month', {}, true],
		['a row with its value', enrolments({ person_id: ['7'] }), 'enrolments_of', { p: 7 }, true], ['with another', enrolments({ person_id: ['8'] }), 'enrolments_of', { p: 7 }, false],
		['without values', enrolments({}), 'enrolments_of', { p: 7 }, true], ['read as a whole', enrolments({ person_id: ['8'] }), 'all', {}, true],
		['not known to read it', enrolments({ person_id: ['8'] }), 'other', {}, true], ['does not read it', enrolments({ person_id: ['8'] }), 'unrelated', {}, false],
		['a function', said({ function: 'public.unrelated' }), 'unrelated', {}, true], ['another function', said({ function: 'public.unrelated' }), 'enrolments_of', {}, false],
		['an unknown one of a stylist', { namespaces: ['people'] }, 'unknown', slots, true], ['an unknown function', { namespaces: ['people'] }, 'unknown', {}, true], ['one of another namespace', { namespaces: ['people'] }, 'unrelated', {}, false],
	];
	for (const [name, what, rpc, args, expected] of cases) equal(isOutdated(what, rpc, args, functions), expected, `said: ${name}`);
	const headers = (o) => readHeaders(new Headers(o));
	equal(headers({ 'X-Other': '1' }), null, 'headers: nothing');
	equal(headers([['X-Cache-Invalidate', 'a%2Cb, c'], ['X-Cache-Invalidate', 'd'], ['X-Cache-Invalidate-Keys', '[{"stylist": "1"}]'], ['X-Cache-Invalidate-Keys', '[]']]),
		{ namespaces: ['a,b', 'c', 'd'], keys: [{ stylist: '1' }] }, 'headers: twice');
	equal(headers({ 'X-Cache-Invalidate': '*' }), {}, 'headers: everything');
}

// Before SWR runs.
function early() {
	const kept = new Map();
	const storage = { get length() { return kept.size; }, key: (i) => [...kept.keys()][i] ?? null, getItem: (k) => kept.get(k) ?? null, setItem: (k, v) => kept.set(k, v), removeItem: (k) => kept.delete(k) };
	const entry = (id) => JSON.stringify({ key: ['rpc', 'get_available_slots_v2', { p_stylist_id: id }], data: [] });
	storage.setItem('c:one', entry(one));
	storage.setItem('c:two', entry(two));
	storage.setItem('c:bad', '{');
	storage.setItem('heard:c:', String(Date.now()));
	const cache = createAvailabilityCache({ storage, prefix: 'c:', channel: null });
	equal([...cache.provider().keys()], ['one', 'two'], 'what localStorage had');
	cache.drop({ namespaces: ['availability'], keys: [{ stylist: one }] });
	equal([[...cache.provider().keys()], kept.has('c:one'), kept.has('c:two')], [['two'], false, true], 'is dropped before it was shown, too');
}

// ---- with supabase-js ----

async function supabase() {
	const dropped = [];
	const cache = createAvailabilityCache({ storage: null, channel: null, onDrop: (said) => dropped.push(said) });
	const client = createClient(url, process.env.TOKEN, { auth: { persistSession: false, autoRefreshToken: false }, global: { fetch: cache.fetch } });
	const args = { p_stylist_id: one, p_service_id: service, p_target_date: far };
	const { data } = await client.rpc('slots', args, { get: true }).setHeader('Accept', 'application/json').throwOnError();
	equal(data.slots.length, 24, 'supabase-js: a media type');
	equal(dropped, [], 'supabase-js: a read drops nothing');
	await client.rpc('book', { p_stylist: two, p_slot: 20 }).throwOnError();
	equal(dropped.map((said) => said.keys.map((key) => key.stylist)), [[two]], 'supabase-js: what is booked is told');
	sql("DELETE FROM bookings");
}

// ---- two tabs of a browser, and another browser ----

async function edits(browser) {
	const context = await browser.newContext();
	const [a, b] = [await open(context), await open(context)];
	const gone = await open(context, { glance: '1' });
	const other = await open(await browser.newContext(), { listen: '1' });
	await settled();
	equal((await kept(a)).length, 3, 'localStorage has what was asked for');
	await gone.close();
	equal(await text(a, 'one'), withSlots(), 'nothing is booked');
	ok((await asked(304)) > 0, 'the second tab was told 304', JSON.stringify(await counts()));
	const before = [await asked(200), await asked(304)];
	await a.evaluate(() => window.post('book', { p_stylist: new URLSearchParams(location.search).get('one'), p_slot: 3 }));
	ok(await shows(a, 'one', withSlots(3)), 'an edit shows in its own tab', await text(a, 'one'));
	ok(await shows(b, 'one', withSlots(3)), 'in the other, told by the first', await text(b, 'one'));
	ok(await shows(other, 'one', withSlots(3)), 'and in another browser, told by a notification', await text(other, 'one'));
	await settled();
	for (const page of [a, b, other]) equal((await page.evaluate(() => window.shown)).filter((s) => /^two [^n]/.test(s)).length > 0 && await text(page, 'two'), withSlots(), 'the other stylist is as before');
	equal(await kept(b), [`${one} ${day} ${withSlots(3)}`, `${two} ${day} ${withSlots()}`].sort(), 'localStorage has what is right, and not a day of a page that is gone');
	equal((await counts())['POST /rpc/book 200'], 2, 'one booking more');
	ok((await asked(200)) - before[0] <= 3, 'nobody asked for more than the one answer again', `${before} ${await asked(200)} ${await asked(304)}`);
	await context.close();
}

async function reloads(browser) {
	const context = await browser.newContext();
	const page = await open(context, { listen: '1' });
	await settled();
	sql(`SELECT public.book('${one}', 4)`);
	ok(await shows(page, 'one', withSlots(3, 4)), 'somebody else\'s booking shows');
	await settled();
	await page.reload();
	ok(await shows(page, 'one', withSlots(3, 4)), 'after a reload, too');
	const shown = await page.evaluate(() => window.shown.filter((s) => s.startsWith('one')));
	equal(shown.filter((s) => !s.includes('nothing') && s !== `one ${withSlots(3, 4)}`), [], 'and nothing else was shown meanwhile');
	ok(shown[0] === `one ${withSlots(3, 4)}`, 'at once, from localStorage', shown[0]);
	await page.close();
	// Nobody listens.
	sql(`SELECT public.book('${one}', 5)`);
	await pause(6500);
	const late = await open(context, { listen: '1' });
	ok(await shows(late, 'one', withSlots(3, 4, 5)), 'who comes back later sees what is');
	equal((await late.evaluate(() => window.shown)).filter((s) => s === `one ${withSlots(3, 4)}`), [], 'and never what was');
	await context.close();
}

async function optimism(browser) {
	const page = await open(await browser.newContext());
	const now = withSlots(3, 4, 5);
	await settled();
	await page.evaluate(() => { window.shown = []; window.done = window.book(6, 'book_slowly'); });
	ok(await shows(page, 'one', withSlots(3, 4, 5, 6)), 'a booking shows before the server has answered');
	equal((await kept(page)).filter((k) => k.startsWith(one)), [`${one} ${day} ${now}`], 'and is not kept until it has');
	await page.evaluate(() => window.done);
	ok(await shows(page, 'one', withSlots(3, 4, 5, 6)), 'it is there');
	await settled();
	// What was is known without asking.
	await page.route('**/get_available_slots_v2*', (route) => route.abort());
	const failed = await page.evaluate(() => { window.shown = []; return window.book(7, 'book_in_vain').then(() => 'no error', (error) => error.message); });
	equal(failed, 'somebody was faster', 'one that fails raises');
	ok(await shows(page, 'one', withSlots(3, 4, 5, 6)), 'and is taken back', await text(page, 'one'));
	ok((await page.evaluate(() => window.shown)).includes(`one ${withSlots(3, 4, 5, 6, 7)}`), 'after it was shown');
}

async function gaps(browser) {
	const page = await open(await browser.newContext());
	const since = '2031-01-01T00:00:00+00:00';
	const feed = async (n, namespaces = ['nothing of ours'], life = since) => {
		await settled();
		const before = (await asked(200)) + (await asked(304));
		await page.evaluate((payload) => window.cache.fromNotification(payload), JSON.stringify({ n, since: life, at: since, namespaces, keys: [] }));
		await settled();
		return (await asked(200)) + (await asked(304)) - before;
	};
	const got = [];
	for (const step of [[1], [2], [4], [5], [6, ['x'], 'another life']]) got.push(await feed(...step));
	equal(got, [0, 0, 2, 0, 2], 'a notification that was missed is everything; so is another life of the server');
}

copyFileSync(path.join(path.dirname(fileURLToPath(import.meta.url)), 'index.html'), path.join(dir, 'index.html'));
await build({
	entryPoints: [path.join(path.dirname(fileURLToPath(import.meta.url)), 'page.mjs')], outfile: path.join(dir, 'page.js'), bundle: true, format: 'iife', logLevel: 'error',
	define: { 'process.env.NODE_ENV': '"production"' },
});
units();
early();
await supabase();
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
try {
	for (const part of [edits, reloads, optimism, gaps]) await part(browser);
} finally {
	await browser.close();
}
console.log(`1..${tests}`);
