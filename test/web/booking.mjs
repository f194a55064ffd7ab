// Uses the booking page in headless Chromium as a person would: mouse and keyboard, two windows, a phone,
// light and dark. Run by test/t/075_booking.pl.
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
	const context = await browser.newContext({ locale: 'en-GB', timezoneId: 'Europe/Berlin', viewport: { width: 900, height: 900 }, ...options });
	const page = await context.newPage();
	page.setDefaultTimeout(60000);
	if (hears_only) await page.addInitScript(() => { window.setInterval = () => 0; });
	page.problems = [];
	page.on('pageerror', (error) => page.problems.push(error.message));
	page.on('console', (message) => message.type() === 'error' && page.problems.push(message.text()));
	await page.goto(url);
	await page.locator('#state', { hasText: /./ }).waitFor();
	return page;
}

// Late in the evening today has a time or none, and at the end of a month there is only today.
async function toFullDay(page) {
	await page.getByRole('button', { name: 'Next month' }).click();
	await page.locator('.days [aria-label$=" free"]').nth(20).waitFor();
	await page.evaluate(() => [...document.querySelectorAll('[name=day]')].find((day) => /\b([89]|\d\d) free$/.test(day.ariaLabel)).click());
	await page.waitForFunction(() => document.querySelectorAll('.slots button').length >= 8);
	return page;
}

async function openStylist(options) {
	const page = await open(options);
	await page.selectOption('#stylist', { index: 1 });
	return toFullDay(page);
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

const [one, other] = [await openStylist(), await openStylist({ hears_only: true })];
const before = await free(one).count();
ok(before >= 8, 'times are free', before);
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
ok(true, 'the other window hears of it');
console.log(`# after ${Date.now() - clicked} ms`);
ok((await other.locator('#state').innerText()).startsWith(`${time} has just been taken.`), 'and says what is gone', await other.locator('#state').innerText());
await other.locator('.slots span.changed').waitFor();
await other.screenshot({ path: `${shots}/taken.png`, fullPage: true });
is(await free(one).count(), before - 1, 'one time less is free');

// ---- two want the same, and the second has not heard ----

await other.route('**/events', (route) => route.abort());
await other.route('**/get_available_*_json**', (route) => route.abort());
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
await other.unroute('**/get_available_*_json**');
await other.getByRole('button', { name: 'Try again' }).click();
await free(other).first().waitFor();
is(await other.locator('#error').innerText(), '', 'and forgotten when it can');

// ---- a month ----

const rpc = async (name, values) => (await fetch(`${url}/rpc/${name}?${new URLSearchParams(values)}`)).json();
const month = await open();
const ask = async () => ({ stylist: await month.locator('#stylist').inputValue(), service: await month.locator('#service').inputValue() });
const tellsOf = (day) => month.locator('#state', { hasText: day.replace(/,.*/, '') }).innerText();
// What the page shows of a month is what the server says, day by day; anybody's, and a stylist's.
for (const who of ['Anybody', 'one'])
{
	if (who === 'one') await month.selectOption('#stylist', { index: 1 });
	await month.getByRole('button', { name: 'Next month' }).click();
	await month.waitForFunction(() => document.querySelector('[name=day]:checked')?.value.slice(0, 7) > new Date().toISOString().slice(0, 7));
	const { stylist, service } = await ask();
	const labels = await month.locator('[name=day]').evaluateAll((all) => all.map((i) => `${i.value} ${/(\d+) free$/.exec(i.ariaLabel)?.[1] ?? 0}`));
	const { days } = await rpc('get_available_days_json', { p_service_id: service, p_from: labels[0].slice(0, 10), p_to: labels.at(-1).slice(0, 10), p_customer_timezone: 'Asia/Kathmandu', ...(stylist && { p_stylist_ids: `{${stylist}}` }) });
	is(labels.join(), days.map((d) => `${d.date} ${d.slots}`).join(), `${who}: each day of the next month, with how many times are free`);
	ok(days.some((d) => d.slots > 0), `${who}: of which some have`);
	if (who === 'one') await month.screenshot({ path: `${shots}/month.png`, fullPage: true });
	await accessible(month, `${who}, a month`);
	await month.getByRole('button', { name: 'Month before' }).click();
	await month.waitForFunction(() => document.querySelector('#earlier').disabled);
}
// An empty day says why, and leads on.
await month.getByRole('button', { name: 'Next month' }).click();
await month.waitForFunction(() => document.querySelectorAll('[name=day]').length > 27);
const off = month.locator('.days .none input:enabled').first();
const offLabel = await off.getAttribute('aria-label');
await off.focus();
await off.click();
ok((await tellsOf('does not work on') + offLabel).includes(offLabel.replace(/,.*/, '')) && /, closed$/.test(offLabel), 'a day off says so', offLabel);
await month.screenshot({ path: `${shots}/off.png`, fullPage: true });
const leads = await month.getByRole('button', { name: 'Next free day' }).innerText();
await month.getByRole('button', { name: 'Next free day' }).click();
await free(month).first().waitFor();
ok(leads.endsWith((await month.locator('[name=day]:checked').getAttribute('aria-label')).replace(/,.*/, '')), 'and leads to the next day that is not', leads);
// Anybody: who has the fewest bookings gets it, and who it was is said.
await month.selectOption('#stylist', '');
await free(month).first().waitFor();
await month.locator('#state', { hasText: 'times are free' }).waitFor();
await free(month).last().click();
const offered = await month.locator('#what').innerText();
await month.screenshot({ path: `${shots}/anybody.png` });
await month.getByLabel('Your name').fill('Anybody');
await month.getByRole('button', { name: 'Book', exact: true }).click();
await month.locator('#done', { hasText: 'Booked' }).waitFor();
const got = /with (.*?),/.exec(await month.locator('#done').innerText())?.[1];
ok(got && (offered.includes(got) || offered.includes('whoever')), 'anybody: somebody of those who were free', `${got} of ${offered}`);

// ---- keyboard ----

const keys = await open();
await keys.keyboard.press('Tab');
await keys.keyboard.press('ArrowDown');
const who = await keys.locator('#stylist').evaluate((s) => s.selectedOptions[0].text);
await keys.keyboard.press('Tab');
await keys.keyboard.press('Tab');
is(await keys.evaluate(() => document.activeElement?.id), 'later', 'past service to the next month');
await keys.keyboard.press('Enter');
await keys.waitForFunction(() => document.querySelectorAll('[name=day]:not(:disabled)').length > 27);
await keys.keyboard.press('Tab');
// The month before is there now, in front of the one after.
is(await keys.evaluate(() => document.activeElement?.name), 'day', 'a Tab leads into the month');
const chosenDay = () => keys.locator('[name=day]:checked').inputValue();
const begin = await chosenDay();
const after = (date, n) => new Date(Date.parse(date) + n * 86400000).toISOString().slice(0, 10);
await keys.keyboard.press('ArrowRight');
await keys.keyboard.press('ArrowDown');
is(await chosenDay(), after(begin, 8), 'arrows go by days and weeks');
await keys.keyboard.press('ArrowUp');
await keys.keyboard.press('ArrowLeft');
is(await chosenDay(), begin, 'and back');
await keys.keyboard.press('PageDown');
await keys.waitForFunction((m) => document.querySelector('[name=day]:checked')?.value.slice(0, 7) > m, begin.slice(0, 7));
await keys.waitForFunction(() => document.activeElement?.name === 'day');
await keys.keyboard.press('PageUp');
await keys.waitForFunction((m) => document.querySelector('[name=day]:checked')?.value.slice(0, 7) === m && document.activeElement?.name === 'day', begin.slice(0, 7));
ok(true, 'PageDown and PageUp turn the months, and stay in them');
const words = (await keys.locator('[name=day]:checked').getAttribute('aria-label')).replace(/,.*/, '');
await keys.locator('#state', { hasText: words }).waitFor();
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
ok(await keys.waitForFunction(() => !document.querySelector('#confirm').open && document.activeElement?.dataset.start !== undefined, null, { timeout: 20000 })
	.then(() => true, () => false), 'Escape goes back to the time');

// ---- a phone, in the dark ----

const phone = await open({ viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2, colorScheme: 'dark' });
await toFullDay(phone);
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
await one.waitForResponse((r) => r.url().includes('get_available_slots_range_json'));
const n = await counts();
for (const what of ['slots_range', 'days']) ok((n[`GET /rpc/get_available_${what}_json 304`] ?? 0) > 0, `${what} that are the same are not sent again`, JSON.stringify(n));
console.log(`# ${JSON.stringify(n)}`);
for (const [name, page] of Object.entries({ one, month, keys, phone })) is(page.problems.filter((p) => !/status of 40[09]/.test(p)).join('; '), '', `${name}: no error in the console`);

await browser.close();
console.log('done');
