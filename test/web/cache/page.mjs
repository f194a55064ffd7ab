// The page of test/t/076_browser_cache.pl: days of two stylists by SWR and clients/availability-cache.js, as
// an application would have them. In its address: ids, the day, and whether it listens to notifications. What
// it showed is in window.shown.
import React from 'react';
import { createRoot } from 'react-dom/client';
import useSWR, { SWRConfig, useSWRConfig } from 'swr';
import { createAvailabilityCache } from '../../../clients/availability-cache.js';

const asked = Object.fromEntries(new URLSearchParams(location.search));
const cache = createAvailabilityCache({ gap: 6000 });
const h = React.createElement;
window.cache = cache;
window.shown = [];
window.asking = 0;

async function counted(...request) {
	window.asking += 1;
	try {
		return await cache.fetch(...request);
	} finally {
		window.asking -= 1;
	}
}

async function fetcher([, name, args]) {
	const response = await counted(`/rpc/${name}?${new URLSearchParams(args)}`);
	const answer = await response.json();
	if (!response.ok || !answer.success) throw new Error(answer.error ?? answer.message);
	return answer.slots.map((slot) => slot.status);
}

window.post = async (name, args) => {
	const response = await counted(`/rpc/${name}`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(args) });
	if (!response.ok) throw new Error((await response.json()).message);
};

// Books slot n of the first stylist, and shows it so before the server has answered.
window.book = (n, rpc = 'book', more = {}) => cache.optimistic(
	(name, args) => args.p_stylist_id === asked.one,
	(statuses) => statuses.map((status, i) => (i === n ? 'booked' : status)),
	() => window.post(rpc, { p_stylist: asked.one, p_slot: n, ...more }));

const keyOf = (stylist, day = asked.day) => ['rpc', 'get_available_slots_v2', { p_stylist_id: stylist, p_service_id: asked.service, p_target_date: day }];

function Day({ id, stylist }) {
	const { data, error } = useSWR(keyOf(stylist), fetcher, { revalidateOnFocus: false, dedupingInterval: 0 });
	const text = data ? data.map((status) => status[0]).join('') : error ? `error ${error.message}` : 'nothing';
	window.shown.push(`${id} ${text}`);
	return h('p', { id }, text);
}

// A day of which nothing is shown.
function Glance() {
	useSWR(keyOf(asked.one, asked.next), fetcher);
	return null;
}

function App() {
	cache.use(useSWRConfig().mutate);
	React.useEffect(() => (asked.listen === '1' ? cache.listen('/events') : undefined), []);
	return h('div', null, h(Day, { id: 'one', stylist: asked.one }), h(Day, { id: 'two', stylist: asked.two }), asked.glance === '1' && h(Glance));
}

createRoot(document.getElementById('root')).render(h(SWRConfig, { value: { provider: cache.provider } }, h(App)));
