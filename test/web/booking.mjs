// Uses the booking page in headless Chromium as a person would: mouse and keyboard, two windows, a phone, light and dark. Run by test/t/075_booking.pl.
//
//   node booking.mjs URL DIRECTORY      a line "ok - …" or "not ok - …" for each thing looked at, then "done"; screenshots go to the directory
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const [url, shots] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const ok = (holds, what, found = '') => console.log(`${holds ? 'ok' : 'not ok'} - ${what}${holds ? '' : `: ${String(found).replaceAll('\n', ' ')}`}`);
const is = (found, expected, what) => ok(found === expected, what, `${found} instead of ${expected}`);

const browser = await chromium.launch({ executablePath: execFileSync('which', ['chromium'], { encoding: 'utf8' }).trim(), args: ['--no-sandbox', '--disable-dev-shm-usage'] });

// hears_only: nothing is asked for but on news.
async function open({ hears_only, ...options } = {}) {
	const context = await browser.newContext({ locale: 'en-GB', timezoneId: 'Europe/Berlin', ...options });
	const page = await context.newPage();
	page.setDefaultTimeout(10000);
	if (hears_only) await page.addInitScript(() => { window.setInterval = () => 0; });
	page.problems = [];
	page.on('pageerror', (error) => page.problems.push(error.message));
	page.on('console', (message) => message.type() === 'error' && page.problems.push(message.text()));
	await page.goto(url);
	await page.locator('.slots button').first().waitFor();
	return page;
}

const free = (page) => page.locator('.slots button');
const label = async (locator) => (await locator.innerText()).split('\n')[0];
const counts = async () => (await fetch(`${url}/counts`)).json();

async function accessible(page, what) {
	await page.evaluate(axe);
	const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ['violations'] }));
	is(violations.map((v) => `${v.id}: ${v.nodes[0].html}`).join('; '), '', `${what}: labels, contrast and structure`);
	const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
	is(overflow, 0, `${what}: nothing to scroll sideways for`);
}

// ---- two windows ----

const [one, other] = [await open({ viewport: { width: 900, height: 900 } }), await open({ viewport: { width: 900, height: 900 }, hears_only: true })];
const before = await free(one).count();
ok(before > 3, 'times are free', before);
await one.screenshot({ path: `${shots}/light.png`, fullPage: true });
await accessible(one, 'light');

const time = await label(free(one).nth(2));
const start = await free(one).nth(2).getAttribute('data-start');
await free(one).nth(2).click();
ok(await one.locator('#confirm').evaluate((d) => d.open), 'a time asks for a name');
await one.screenshot({ path: `${shots}/confirm.png` });
await accessible(one, 'dialog');
await one.getByRole('button', { name: 'Book', exact: true }).click();
await one.locator('#refused', { hasText: 'your name' }).waitFor();
ok(await one.locator('#name').evaluate((n) => n === document.activeElement), 'without one it says so, and goes back to it');
await one.getByLabel('Your name').fill('Maya <b>&</b> Co');
const clicked = Date.now();
await one.getByRole('button', { name: 'Book', exact: true }).click();
await one.locator('#done', { hasText: 'Booked' }).waitFor();
await other.locator(`[data-start="${start}"]`).waitFor({ state: 'detached' });
const took = Date.now() - clicked;
ok(took < 3000, 'the other window sees it at once', `${took} ms`);
console.log(`# after ${took} ms`);
ok((await other.locator('#state').innerText()).startsWith(`${time} has just been taken.`), 'and says what is gone', await other.locator('#state').innerText());
await other.locator('.slots span.changed').waitFor();
await other.screenshot({ path: `${shots}/taken.png`, fullPage: true });
is(await free(one).count(), before - 1, 'one time less is free');

// ---- two want the same, and the second has not heard ----

await other.route('**/events', (route) => route.abort());
await other.route('**/get_available_slots_json**', (route) => route.abort());
const late = await free(other).nth(4).getAttribute('data-start');
await one.locator(`[data-start="${late}"]`).click();
await one.getByLabel('Your name').fill('First');
await free(other).nth(4).click();
await other.getByLabel('Your name').fill('Second');
await one.getByRole('button', { name: 'Book', exact: true }).click();
await one.locator('#done', { hasText: 'Booked' }).waitFor();
await other.getByRole('button', { name: 'Book', exact: true }).click();
await other.locator('#refused', { hasText: 'just been taken' }).waitFor();
ok(true, 'the second is told that it is taken');
await other.getByRole('button', { name: 'Cancel' }).click();
await other.locator('#error', { hasText: 'cannot be reached' }).waitFor();
ok(true, 'a server that cannot be reached is said');
await other.screenshot({ path: `${shots}/error.png`, fullPage: true });
await other.unroute('**/get_available_slots_json**');
await other.getByRole('button', { name: 'Try again' }).click();
await free(other).first().waitFor();
is(await other.locator('#error').innerText(), '', 'and forgotten when it can');

// ---- keyboard ----

const keys = await open({ viewport: { width: 900, height: 900 } });
await keys.keyboard.press('Tab');
await keys.keyboard.press('ArrowDown');
const who = await keys.locator('#stylist').evaluate((s) => s.selectedOptions[0].text);
await keys.keyboard.press('Tab');
await keys.keyboard.press('Tab');
await keys.keyboard.press('ArrowRight');
await keys.keyboard.press('ArrowRight');
const words = await keys.locator('[name=day]:checked').getAttribute('aria-label');
await keys.locator('#state', { hasText: words }).waitFor();
ok(await keys.locator('[name=day]').nth(2).isChecked(), 'days are chosen by arrows');
await keys.screenshot({ path: `${shots}/keyboard.png`, fullPage: true });
await free(keys).first().waitFor();
const first = await free(keys).first().getAttribute('data-start');
await keys.keyboard.press('Tab');
is(await keys.evaluate(() => document.activeElement?.dataset.start), first, 'a Tab leads to the first time');
await keys.keyboard.press('Enter');
await keys.keyboard.type('Keyboard');
await keys.keyboard.press('Enter');
await keys.locator('#done', { hasText: `with ${who}, ${words}` }).waitFor();
ok(true, 'booked without a mouse');
// What has just been booked is free on the screen until the day is asked for again.
await keys.locator(`[data-start="${first}"]`).waitFor({ state: 'detached' });
await free(keys).first().focus();
await keys.keyboard.press('Enter');
await keys.keyboard.press('Escape');
ok(await keys.waitForFunction(() => !document.querySelector('#confirm').open && document.activeElement?.dataset.start !== undefined, null, { timeout: 5000 })
	.then(() => true, () => false), 'Escape goes back to the time');

// ---- a phone, in the dark ----

const phone = await open({ viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2, colorScheme: 'dark' });
await accessible(phone, 'dark phone');
const small = await phone.evaluate(() => [...document.querySelectorAll('button, select, .days label')].filter((e) => e.offsetParent && e.getBoundingClientRect().height < 44).length);
is(small, 0, 'nothing to tap is smaller than 44 pixels');
await phone.screenshot({ path: `${shots}/phone.png`, fullPage: true });
await free(phone).first().tap();
await phone.screenshot({ path: `${shots}/phone-confirm.png` });
await accessible(phone, 'dialog on a dark phone');
await phone.getByRole('button', { name: 'Cancel' }).tap();

// ---- what HTTP carried ----

await one.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
await one.waitForResponse((r) => r.url().includes('get_available_slots_json'));
const n = await counts();
ok((n['GET /rpc/get_available_slots_json 304'] ?? 0) > 0, 'a day that is the same is not sent again', JSON.stringify(n));
console.log(`# ${JSON.stringify(n)}`);
for (const [name, page] of Object.entries({ one, keys, phone })) is(page.problems.filter((p) => !/status of 40[09]/.test(p)).join('; '), '', `${name}: no error in the console`);

await browser.close();
console.log('done');
