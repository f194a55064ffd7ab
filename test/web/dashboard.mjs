// Looks at availability_cache.dashboard() in headless Chromium, as PostgREST's media type: wide and on a
// phone, light and dark. Run by test/t/083_dashboard.pl.
//
//   node dashboard.mjs DIRECTORY NAME=URL…      a line "ok - …" or "not ok - …" for each thing looked at, then "done"; screenshots go to the directory
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const [shots, ...pages] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const ok = (holds, what, found = '') => console.log(`${holds ? 'ok' : 'not ok'} - ${what}${holds ? '' : `: ${String(found).replaceAll('\n', ' ')}`}`);
const is = (found, expected, what) => ok(found === expected, what, `${found} instead of ${expected}`);

const browser = await chromium.launch({ executablePath: execFileSync('which', ['chromium'], { encoding: 'utf8' }).trim(), args: ['--no-sandbox', '--disable-dev-shm-usage'] });
const SIZES = { wide: { viewport: { width: 1200, height: 900 } }, phone: { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 } };

async function look(name, url, size, colorScheme) {
	const what = `${name}, ${size}, ${colorScheme}`;
	const page = await (await browser.newContext({ ...SIZES[size], colorScheme })).newPage();
	const asked = [];
	const problems = [];
	page.on('request', (request) => asked.push(request.url()));
	page.on('dialog', (dialog) => { problems.push(`dialog ${dialog.message()}`); dialog.dismiss(); });
	page.on('pageerror', (error) => problems.push(error.message));
	page.on('console', (message) => message.type() === 'error' && !/favicon/.test(message.text()) && problems.push(message.text()));
	const response = await page.goto(url);
	is(`${response.status()} ${response.headers()['content-type']}`, '200 text/html; charset=utf-8', `${what}: a page`);
	await page.screenshot({ path: `${shots}/dashboard-${name}-${size}-${colorScheme}.png`, fullPage: true });
	await page.evaluate(axe);
	const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ['violations'] }));
	is(violations.map((v) => `${v.id}: ${v.nodes[0].html}`).join('; '), '', `${what}: contrast and structure`);
	is(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), 0, `${what}: nothing to scroll sideways for`);
	// Wide tables scroll by themselves; nothing else is cut off.
	is(await page.evaluate(() => [...document.querySelectorAll('h1, h2, p, .tiles div')].filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.outerHTML.slice(0, 80)).join('; ')), '', `${what}: no text is cut off`);
	is(asked.filter((one) => one !== url && !/favicon/.test(one)).join(), '', `${what}: nothing else is loaded`);
	is(problems.join('; '), '', `${what}: nothing is run`);
	// Not by colour: health says it in words, with a mark.
	is(await page.evaluate(() => [...document.querySelectorAll('section:has(h2) tbody tr td:nth-child(2)')].filter((td) => /^(ok|warning|critical)$/.test(td.textContent)).length), 0, `${what}: a status has a mark`);
	const title = await page.title();
	await page.context().close();
	return title;
}

for (const [name, url] of pages.map((page) => page.split(/=(.*)/s)))
	for (const size of Object.keys(SIZES))
		for (const scheme of ['light', 'dark']) console.log(`# ${await look(name, url, size, scheme)}`);

await browser.close();
console.log('done');
