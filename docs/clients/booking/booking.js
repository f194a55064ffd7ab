// @ts-check
// The booking page: a stylist or anybody, a service and a day of a month are chosen, the day's slots are
// shown, one is booked. A day without a free one says why. What others book is seen at once: on a
// notification month and day are asked for again by a GET, which the browser answers from its cache where the
// server says 304. Without notifications it asks every few seconds.
/** @typedef {import('../availability_cache.ts').RangeAnswer} RangeAnswer @typedef {import('../availability_cache.ts').RangeSlot} Slot */
/** @typedef {import('../availability_cache.ts').DaysAnswer} DaysAnswer @typedef {import('../availability_cache.ts').Day} Day */
/** @typedef {import('../availability_cache.ts').Reason} Reason */
/** @typedef {{ id: string, name: string, minutes: number, price_cents: number | null }} Service */
/** @typedef {{ id: string, name: string, timezone: string, services: Service[] }} Stylist */

const MONTHS = 12;   // from this one on
const POLL = 5000;   // ms, where nobody tells

/** @param {string} id @returns {any} */
const at = (id) => document.getElementById(id);
/** @param {string} name */
const meta = (name) => document.querySelector(`meta[name=${name}]`)?.getAttribute('content') ?? '';

/** @type {Stylist[]} */
let stylists = [];
/** @type {Map<string, Slot['status']>} */
let shown = new Map();
let month = '';   // 2030-10
/** @type {Day[]} */
let days = [];
let drawn = '';   // the month on the screen
let asked = '';   // the day on the screen
/** @type {{ slot: Slot, service: Service } | null} */
let chosen = null;

// ---- asking ----

/** @param {string} name @param {Record<string, string>} [values] */
async function get(name, values = {}) {
	return read(await fetch(`${meta('api')}${name}?${new URLSearchParams(values)}`));
}

/** @param {string} name @param {Record<string, string | string[]>} values */
async function post(name, values) {
	return read(await fetch(`${meta('api')}${name}`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(values) }));
}

/** What was said, or an error with a text for people. @param {Response} response */
async function read(response) {
	const said = await response.json().catch(() => null);
	if (!response.ok) throw new Error(said?.message ?? said?.error ?? `The server answered ${response.status}.`);
	return said;
}

// ---- words ----

/** @param {Slot} slot */
const price = (slot) => (slot.price_cents === null ? '' : (slot.price_cents / 100).toFixed(2));
/** A date without a zone, as its words in that of nobody. @param {string} day @param {Intl.DateTimeFormatOptions} options */
const dayText = (day, options) => new Date(`${day}T00:00:00Z`).toLocaleDateString('en-GB', { ...options, timeZone: 'UTC' });
const LONG = /** @type {const} */ ({ weekday: 'long', day: 'numeric', month: 'long' });
const long = (/** @type {string} */ date) => dayText(date, LONG);
const STATUS = { available: 'free', booked: 'taken', reserved: 'on hold', in_break: 'break', unavailable: 'closed' };
/** @type {Partial<Record<Reason, string>>} */
const SLOT_WHY = { too_soon: 'over', too_late: 'not yet', full: 'full', daily_limit: 'full', weekly_limit: 'full' };

/** @type {[string, (who: string, date: string) => string]} */
const NOTHING = ['none', (_, date) => `Nothing is free on ${date}.`];
/** Of a day without a free slot: in a word, and in a sentence. A server may know more reasons than this page. @type {Record<Reason, [string, (who: string, date: string) => string]>} */
const DAY_WHY = {
	booked: ['full', (_, date) => `${date} is fully booked.`],
	full: ['full', (_, date) => `All places on ${date} are taken.`],
	held: ['on hold', (_, date) => `The last times on ${date} are being booked by somebody at this moment.`],
	no_resource: ['full', (_, date) => `Nothing that this service needs is free on ${date}.`],
	daily_limit: ['full', (_, date) => `No more appointments are taken on ${date}.`],
	weekly_limit: ['full', (_, date) => `No more appointments are taken in the week of ${date}.`],
	closed: ['closed', (who, date) => (who ? `${who} is away on ${date}.` : `Nobody is there on ${date}.`)],
	no_hours: ['closed', (who, date) => `${who || 'Nobody'} ${who ? 'does not work' : 'works'} on ${date}.`],
	on_break: ['break', (_, date) => `On ${date} there is only a break.`],
	too_short: ['closed', (_, date) => `The hours of ${date} are too short for this service.`],
	too_soon: ['over', (_, date) => `It is too late to book for ${date}.`],
	too_late: ['not yet', (_, date) => `${date} cannot be booked yet.`],
};

/** @param {Day | undefined} day */
const whyOf = (day) => (day?.reason && DAY_WHY[day.reason]) ?? NOTHING;

// ---- dates, without a zone ----

/** @param {string} date @param {number} n */
const daysAfter = (date, n) => new Date(Date.parse(`${date}T00:00:00Z`) + n * 86400000).toISOString().slice(0, 10);
/** @param {string} of @param {number} n */
const monthsAfter = (of, n) => new Date(Date.UTC(Number(of.slice(0, 4)), Number(of.slice(5, 7)) - 1 + n)).toISOString().slice(0, 7);
/** @param {string} of */
const lastOf = (of) => daysAfter(`${monthsAfter(of, 1)}-01`, -1);
/** From Monday, 0. @param {string} date */
const weekdayOf = (date) => (new Date(`${date}T00:00:00Z`).getUTCDay() + 6) % 7;
/** @param {string} date */
const mondayOf = (date) => daysAfter(date, -weekdayOf(date));
const today = () => new Intl.DateTimeFormat('en-CA', { timeZone: zone(), year: 'numeric', month: '2-digit', day: '2-digit' }).format(new Date());

// ---- choosing ----

/** @template {keyof HTMLElementTagNameMap} T @param {T} tag @param {Record<string, any>} properties @param {(Node | string)[]} children */
function element(tag, properties = {}, ...children) {
	const made = Object.assign(document.createElement(tag), properties);
	made.append(...children);
	return made;
}

/** @param {string} id @param {{ id: string, name: string }[]} choices */
function fill(id, choices) {
	const before = at(id).value;
	at(id).replaceChildren(...choices.map((c) => element('option', { value: c.id, selected: c.id === before }, c.name)));
}

/** Null: anybody. */
const stylist = () => stylists.find((s) => s.id === at('stylist').value) ?? null;
const service = () => /** @type {Service} */ (services().find((s) => s.id === at('service').value));
const day = () => new FormData(at('choice')).get('day')?.toString() ?? '';
/** @param {string} id */
const nameOf = (id) => stylists.find((s) => s.id === id)?.name ?? '';

/** The stylist's, or everybody's once. */
function services() {
	const one = stylist();
	return one ? one.services : [...new Map(stylists.flatMap((s) => s.services).map((s) => [s.id, s])).values()].sort((a, b) => a.name.localeCompare(b.name));
}

/** The stylist's; of anybody the one that all have, else that of who looks. */
function zone() {
	const zones = new Set((stylist() ? [/** @type {Stylist} */ (stylist())] : stylists).map((s) => s.timezone));
	return zones.size === 1 ? [...zones][0] : Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** What every question about slots has. */
const question = () => ({ p_service_id: at('service').value, p_customer_timezone: zone(), .../** @type {Record<string, string>} */ (stylist() ? { p_stylist_ids: `{${at('stylist').value}}` } : {}) });

function fillServices() {
	const lengths = (/** @type {string} */ id) => new Set(stylists.flatMap((s) => s.services).filter((s) => s.id === id).map((s) => s.minutes)).size;
	fill('service', services().map((s) => ({ id: s.id, name: stylist() || lengths(s.id) === 1 ? `${s.name}, ${s.minutes} min` : s.name })));
}

// ---- the month ----

/** @param {string} date @param {Day | undefined} found @param {boolean} isChosen */
function dayCell(date, found, isChosen) {
	const word = !found ? '' : found.slots > 0 ? `${found.slots} free` : whyOf(found)[0];
	const input = element('input', { type: 'radio', name: 'day', value: date, checked: isChosen, disabled: !found, ariaLabel: `${long(date)}${word && `, ${word}`}` });
	return element('label', { className: found && found.slots > 0 ? 'some' : 'none' }, input, element('b', { ariaHidden: 'true' }, String(Number(date.slice(8)))), element('small', { ariaHidden: 'true' }, word));
}

/** @param {string} chosenDay */
function drawMonth(chosenDay) {
	const first = `${month}-01`;
	const hadFocus = at('days').contains(document.activeElement);
	const dates = Array.from({ length: Number(lastOf(month).slice(8)) }, (_, i) => daysAfter(first, i)).filter((date) => date >= mondayOf(today()));
	const cells = dates.map((date) => dayCell(date, days.find((d) => d.date === date), date === chosenDay));
	cells[0].style.gridColumnStart = String(weekdayOf(dates[0]) + 1);
	at('days').replaceChildren(...cells);
	at('month').textContent = dayText(first, { month: 'long', year: 'numeric' });
	at('earlier').disabled = month <= today().slice(0, 7);
	at('later').disabled = month >= monthsAfter(today().slice(0, 7), MONTHS);
	if (hadFocus) at('days').querySelector(':checked')?.focus();
}

/** Asks for the month, and draws it if it is another; the day that is chosen stays, or is the first that is free. */
async function refreshMonth() {
	const now = today();
	if (month < now.slice(0, 7)) month = now.slice(0, 7);
	const values = { ...question(), p_from: now > `${month}-01` ? now : `${month}-01`, p_to: lastOf(month) };
	/** @type {DaysAnswer} */
	const answer = await get('get_available_days_json', values);
	if (!answer.success) throw new Error(answer.error);
	const found = JSON.stringify([values, answer.days]);
	if (values.p_to !== lastOf(month) || found === drawn) return;
	drawn = found;
	days = answer.days;
	const before = days.find((d) => d.date === day());
	drawMonth((before ?? days.find((d) => d.slots > 0) ?? days[0]).date);
}

/** @param {number} n */
async function turn(n) {
	const to = monthsAfter(month, n);
	if (to < today().slice(0, 7) || to > monthsAfter(today().slice(0, 7), MONTHS)) return;
	const hadFocus = at('days').contains(document.activeElement);
	month = to;
	at('done').textContent = '';
	await refresh();
	if (hadFocus) at('days').querySelector(':checked')?.focus();
}

/** @param {string} date */
async function choose(date) {
	month = date.slice(0, 7);
	for (const input of at('days').querySelectorAll('input')) input.checked = false;
	await refreshMonth();
	const input = at('days').querySelector(`[value="${date}"]`);
	if (!input) return;
	input.checked = true;
	input.focus();
	await refresh();
}

/** Left and right are the browser's. @param {KeyboardEvent} event */
function moveByKey(event) {
	const weeks = { ArrowUp: -7, ArrowDown: 7 }[event.key];
	const months = { PageUp: -1, PageDown: 1 }[event.key];
	if (!weeks && !months) return;
	event.preventDefault();
	if (months) return turn(months);
	const input = at('days').querySelector(`[value="${daysAfter(day(), weeks ?? 0)}"]:not(:disabled)`);
	if (!input) return;
	input.click();
	input.focus();
}

// ---- the day ----

/** Of anybody there may be one for each price. @param {Slot} slot */
const keyOf = (slot) => `${slot.slot_start_utc} ${slot.price_cents}`;
/** @param {Slot} slot */
const whoIsFree = (slot) => (stylist() ? '' : slot.stylists.length === 1 ? nameOf(slot.stylists[0]) : `${slot.stylists.length} free`);

/** Of each time what is free, else one. @param {Slot[]} slots */
function oneOfEach(slots) {
	const isFree = new Set(slots.filter((s) => s.status === 'available').map((s) => s.slot_start_utc));
	return slots.filter((s, i) => (isFree.has(s.slot_start_utc) ? s.status === 'available' : slots[i - 1]?.slot_start_utc !== s.slot_start_utc));
}

/** @param {Slot} slot @param {boolean} hasChanged */
function slotItem(slot, hasChanged) {
	const name = hasChanged ? 'changed' : '';
	if (slot.status !== 'available')
		return element('li', {}, element('span', { className: name }, element('s', {}, slot.slot_display), element('small', {}, SLOT_WHY[slot.reason ?? 'booked'] ?? STATUS[slot.status])));
	const button = element('button', { type: 'button', className: name, onclick: () => ask(slot) }, slot.slot_display, element('small', {}, [price(slot), whoIsFree(slot)].filter(Boolean).join(', ')));
	button.dataset.start = keyOf(slot);
	return element('li', {}, button);
}

const PARTS = /** @type {const} */ ([['Morning', '00:00', '12:00'], ['Afternoon', '12:00', '17:00'], ['Evening', '17:00', '24:00']]);

/** @param {Slot[]} all @param {boolean} isNew whether another day was on the screen before */
function show(all, isNew) {
	const slots = oneOfEach(all);
	const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset?.start;
	const time = (/** @type {Slot} */ slot) => slot.slot_start_local.slice(11, 16);
	at('slots').replaceChildren(...PARTS.flatMap(([name, from, to]) => {
		const part = slots.filter((s) => time(s) >= from && time(s) < to);
		if (part.length === 0) return [];
		const changed = (/** @type {Slot} */ s) => !isNew && shown.get(keyOf(s)) === 'available' && s.status !== 'available';
		return [element('h2', {}, name), element('ul', { className: 'slots' }, ...part.map((s) => slotItem(s, changed(s))))];
	}));
	const taken = slots.filter((s) => !isNew && shown.get(keyOf(s)) === 'available' && s.status === 'booked').map((s) => s.slot_display);
	shown = new Map(slots.map((s) => [keyOf(s), s.status]));
	const times = new Set(slots.map((s) => s.slot_start_utc)).size;
	const free = new Set(slots.filter((s) => s.status === 'available').map((s) => s.slot_start_utc)).size;
	at('state').textContent = (taken.length ? `${taken.join(', ')} has just been taken. ` : '') +
		(free > 0 ? `${free} of ${times} times are free on ${long(day())}, in the time of ${zone()}.` : why());
	offerNext(free > 0);
	if (focused) /** @type {HTMLElement | null} */ (document.querySelector(`[data-start="${focused}"]`))?.focus();
}

/** Why the day has nothing. */
function why() {
	return whyOf(days.find((d) => d.date === day()))[1](stylist()?.name ?? '', long(day()));
}

/** Leads on to the next day that has something: of the month, else it is to be turned. @param {boolean} isFree */
function offerNext(isFree) {
	const next = days.find((d) => d.date > day() && d.slots > 0);
	const button = next ? element('button', { type: 'button', onclick: () => choose(next.date) }, `Next free day: ${long(next.date)}`)
		: element('button', { type: 'button', onclick: () => turn(1) }, 'Look in the next month');
	at('next').replaceChildren(...(isFree || at('later').disabled && !next ? [] : [button]));
}

/** Asks for the month and the day that is chosen, and shows it unless another was chosen meanwhile. */
async function refresh() {
	const turnedTo = () => JSON.stringify([at('stylist').value, at('service').value, month]);
	const before = turnedTo();
	let key = '';
	try {
		await refreshMonth();
		if (turnedTo() !== before) return;
		const values = { ...question(), p_from: day(), p_to: day() };
		key = JSON.stringify(values);
		const isNew = key !== asked;
		asked = key;
		if (isNew) at('slots').setAttribute('aria-busy', 'true');
		/** @type {RangeAnswer} */
		const answer = await get('get_available_slots_range_json', values);
		if (key !== asked) return;
		if (!answer.success) throw new Error(answer.error);
		show(answer.slots, isNew);
		at('error').textContent = '';
	} catch (error) {
		if (turnedTo() !== before || (key && key !== asked)) return;
		asked = drawn = '';
		at('slots').replaceChildren();
		at('next').replaceChildren();
		at('state').textContent = '';
		fail(error, refresh);
	} finally {
		at('slots').removeAttribute('aria-busy');
	}
}

/** @param {unknown} error @param {() => void} again */
function fail(error, again) {
	const text = error instanceof TypeError ? 'The server cannot be reached.' : /** @type {Error} */ (error).message;
	at('error').replaceChildren(`${text} `, element('button', { type: 'button', onclick: again }, 'Try again'));
}

// ---- booking ----

/** @param {Slot} slot */
function ask(slot) {
	chosen = { slot, service: service() };
	const time = (/** @type {string} */ timeZone) => new Date(slot.slot_start_utc).toLocaleString('en-GB', { weekday: 'long', hour: '2-digit', minute: '2-digit', timeZone });
	const mine = Intl.DateTimeFormat().resolvedOptions().timeZone;
	const names = slot.stylists.length > 3 ? 'whoever is free' : slot.stylists.map(nameOf).join(' or ');
	at('what').textContent = `${chosen.service.name} with ${names}`;
	at('details').textContent = `${long(day())}, ${slot.slot_display}${price(slot) && `, ${price(slot)}`}${time(mine) === time(zone()) ? '' : ` (${time(mine)} where you are)`}`;
	at('refused').textContent = '';
	at('done').textContent = '';
	at('confirm').showModal();
	at('name').focus();
}

/** @param {Event} event */
async function book(event) {
	event.preventDefault();
	if (!chosen) return;
	const { slot, service: what } = chosen;
	const button = at('book').querySelector('.main');
	button.disabled = true;
	try {
		const booked = await post('book_slot', { p_stylist_ids: slot.stylists, p_service_id: what.id, p_start: slot.slot_start_utc, p_name: at('name').value });
		chosen = null;
		at('confirm').close();
		at('done').textContent = `Booked: ${what.name} with ${booked.stylist}, ${long(slot.slot_start_local.slice(0, 10))}, ${slot.slot_display}.`;
		shown.delete(keyOf(slot));
	} catch (error) {
		at('refused').textContent = error instanceof TypeError ? 'The server cannot be reached.' : /** @type {Error} */ (error).message;
		at('name').focus();
	} finally {
		button.disabled = false;
		await refresh();
	}
}

// ---- news ----

function follow() {
	let timer = 0;
	const poll = (/** @type {boolean} */ is_on) => {
		clearInterval(timer);
		if (is_on) timer = window.setInterval(() => document.hidden || refresh(), POLL);
	};
	poll(true);
	if (meta('events')) {
		const events = new EventSource(meta('events'));
		events.onmessage = () => refresh();
		events.onopen = () => { poll(false); refresh(); };   // something may have been missed
		events.onerror = () => poll(true);
	}
	// Slots also end by themselves, and a phone that was asleep has heard nothing.
	document.addEventListener('visibilitychange', () => document.hidden || refresh());
	window.setInterval(() => document.hidden || refresh(), 60000);
}

async function start() {
	try {
		at('error').textContent = '';
		stylists = await get('booking_choices');
		if (stylists.length === 0) throw new Error('Nobody can be booked at the moment.');
		fill('stylist', [{ id: '', name: 'Anybody' }, ...stylists]);
		fillServices();
		await refresh();
		follow();
	} catch (error) {
		fail(error, start);
	}
}

at('choice').addEventListener('submit', (/** @type {Event} */ event) => event.preventDefault());
at('stylist').addEventListener('change', () => { at('done').textContent = ''; fillServices(); refresh(); });
at('service').addEventListener('change', () => { at('done').textContent = ''; refresh(); });
at('days').addEventListener('change', () => { at('done').textContent = ''; refresh(); });
at('days').addEventListener('keydown', moveByKey);
at('earlier').addEventListener('click', () => turn(-1));
at('later').addEventListener('click', () => turn(1));
at('book').addEventListener('submit', book);
at('cancel').addEventListener('click', () => at('confirm').close());
// The browser would go back to the button that was pressed, which is another one if the times were drawn anew
// meanwhile.
at('confirm').addEventListener('close', () => {
	if (chosen) /** @type {HTMLElement | null} */ (document.querySelector(`[data-start="${keyOf(chosen.slot)}"]`))?.focus();
});
start();
