// @ts-check
// The booking page: a stylist, a service and a day are chosen, the day's slots are shown, one is booked. What others book is seen at once: on a notification
// the day is asked for again by a GET, which the browser answers from its cache where the server says 304. Without notifications it asks every few seconds.
/** @typedef {import('../availability_cache.ts').Answer} Answer @typedef {import('../availability_cache.ts').Slot} Slot */
/** @typedef {{ id: string, name: string, minutes: number, price_cents: number | null }} Service */
/** @typedef {{ id: string, name: string, timezone: string, services: Service[] }} Stylist */

const DAYS = 14;
const POLL = 5000;   // ms, where nobody tells

/** @param {string} id @returns {any} */
const at = (id) => document.getElementById(id);
/** @param {string} name */
const meta = (name) => document.querySelector(`meta[name=${name}]`)?.getAttribute('content') ?? '';

/** @type {Stylist[]} */
let stylists = [];
/** @type {Map<string, Slot['status']>} */
let shown = new Map();
let asked = '';   // the day on the screen
/** @type {{ slot: Slot, stylist: Stylist, service: Service } | null} */
let chosen = null;

// ---- asking ----

/** @param {string} name @param {Record<string, string>} [values] */
async function get(name, values = {}) {
	return read(await fetch(`${meta('api')}${name}?${new URLSearchParams(values)}`));
}

/** @param {string} name @param {Record<string, string>} values */
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
const WORDS = { available: 'free', booked: 'taken', reserved: 'on hold', in_break: 'break', unavailable: 'closed' };

/** Today where the stylist is, and the days after it. @param {string} zone */
function daysOf(zone) {
	const today = new Date(`${new Intl.DateTimeFormat('en-CA', { timeZone: zone }).format(new Date())}T00:00:00Z`);
	return Array.from({ length: DAYS }, (_, i) => new Date(today.getTime() + i * 86400000).toISOString().slice(0, 10));
}

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

const stylist = () => /** @type {Stylist} */ (stylists.find((s) => s.id === at('stylist').value));
const service = () => /** @type {Service} */ (stylist().services.find((s) => s.id === at('service').value));
const day = () => new FormData(at('choice')).get('day')?.toString() ?? '';

function fillDays() {
	const days = daysOf(stylist().timezone);
	const before = days.includes(day()) ? day() : days[0];
	at('days').replaceChildren(...days.map((d) => element('label', {},
		element('input', { type: 'radio', name: 'day', value: d, checked: d === before, ariaLabel: dayText(d, LONG) }),
		element('small', { ariaHidden: 'true' }, dayText(d, { weekday: 'short' })), element('b', { ariaHidden: 'true' }, dayText(d, { day: 'numeric' })),
		element('small', { ariaHidden: 'true' }, dayText(d, { month: 'short' })))));
}

function fillServices() {
	fill('service', stylist().services.map((s) => ({ id: s.id, name: `${s.name}, ${s.minutes} min` })));
	fillDays();
}

// ---- the day ----

/** @param {Slot} slot @param {boolean} hasChanged */
function slotItem(slot, hasChanged) {
	const name = hasChanged ? 'changed' : '';
	if (slot.status !== 'available')
		return element('li', {}, element('span', { className: name }, element('s', {}, slot.slot_display), element('small', {}, WORDS[slot.status])));
	const button = element('button', { type: 'button', className: name, onclick: () => ask(slot) }, slot.slot_display, element('small', {}, price(slot)));
	button.dataset.start = slot.slot_start_utc;
	return element('li', {}, button);
}

const PARTS = /** @type {const} */ ([['Morning', '00:00', '12:00'], ['Afternoon', '12:00', '17:00'], ['Evening', '17:00', '24:00']]);

/** @param {Slot[]} slots @param {boolean} isNew whether another day was on the screen before */
function show(slots, isNew) {
	const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset?.start;
	const time = (/** @type {Slot} */ slot) => slot.slot_start_local.slice(11, 16);
	at('slots').replaceChildren(...PARTS.flatMap(([name, from, to]) => {
		const part = slots.filter((s) => time(s) >= from && time(s) < to);
		if (part.length === 0) return [];
		const changed = (/** @type {Slot} */ s) => !isNew && shown.get(s.slot_start_utc) === 'available' && s.status !== 'available';
		return [element('h2', {}, name), element('ul', { className: 'slots' }, ...part.map((s) => slotItem(s, changed(s))))];
	}));
	const taken = slots.filter((s) => !isNew && shown.get(s.slot_start_utc) === 'available' && s.status === 'booked').map((s) => s.slot_display);
	shown = new Map(slots.map((s) => [s.slot_start_utc, s.status]));
	const free = slots.filter((s) => s.status === 'available').length;
	const said = slots.length === 0 ? `${stylist().name} does not work on ${dayText(day(), LONG)}.` : `${free} of ${slots.length} times are free on ${dayText(day(), LONG)}, in the time of ${stylist().timezone}.`;
	at('state').textContent = (taken.length ? `${taken.join(', ')} has just been taken. ` : '') + said;
	if (focused) /** @type {HTMLElement | null} */ (document.querySelector(`[data-start="${focused}"]`))?.focus();
}

/** Asks for the day that is chosen, and shows it unless another was chosen meanwhile. */
async function refresh() {
	const values = { p_stylist_id: at('stylist').value, p_service_id: at('service').value, p_target_date: day(), p_customer_timezone: stylist().timezone };
	const key = JSON.stringify(values);
	const isNew = key !== asked;
	asked = key;
	if (isNew) at('slots').setAttribute('aria-busy', 'true');
	try {
		/** @type {Answer} */
		const answer = await get('get_available_slots_json', values);
		if (key !== asked) return;
		if (!answer.success) throw new Error(answer.error);
		show(answer.slots, isNew);
		at('error').textContent = '';
	} catch (error) {
		if (key !== asked) return;
		asked = '';
		at('slots').replaceChildren();
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
	chosen = { slot, stylist: stylist(), service: service() };
	const here = new Date(slot.slot_start_utc).toLocaleString('en-GB', { weekday: 'long', hour: '2-digit', minute: '2-digit' });
	const there = new Date(slot.slot_start_utc).toLocaleString('en-GB', { weekday: 'long', hour: '2-digit', minute: '2-digit', timeZone: chosen.stylist.timezone });
	at('what').textContent = `${chosen.service.name} with ${chosen.stylist.name}`;
	at('details').textContent = `${dayText(day(), LONG)}, ${slot.slot_display}${price(slot) && `, ${price(slot)}`}${here === there ? '' : ` (${here} where you are)`}`;
	at('refused').textContent = '';
	at('done').textContent = '';
	at('confirm').showModal();
	at('name').focus();
}

/** @param {Event} event */
async function book(event) {
	event.preventDefault();
	if (!chosen) return;
	const { slot, stylist: who, service: what } = chosen;
	const button = at('book').querySelector('.main');
	button.disabled = true;
	try {
		await post('book_slot', { p_stylist_id: who.id, p_service_id: what.id, p_start: slot.slot_start_utc, p_name: at('name').value });
		chosen = null;
		at('confirm').close();
		at('done').textContent = `Booked: ${what.name} with ${who.name}, ${dayText(slot.slot_start_local.slice(0, 10), LONG)}, ${slot.slot_display}.`;
		shown.delete(slot.slot_start_utc);
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
		fill('stylist', stylists);
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
at('book').addEventListener('submit', book);
at('cancel').addEventListener('click', () => at('confirm').close());
// The browser would go back to the button that was pressed, which is another one if the times were drawn anew meanwhile.
at('confirm').addEventListener('close', () => {
	if (chosen) /** @type {HTMLElement | null} */ (document.querySelector(`[data-start="${chosen.slot.slot_start_utc}"]`))?.focus();
});
start();
