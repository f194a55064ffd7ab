/**
 * Drops from a browser's caches what the server says is outdated: keys of SWR, and what is kept of them in localStorage.
 * One module without dependencies, for the headers X-Cache-Invalidate… of RPCs that wrote, and the notifications of
 * channel availability_cache (docs/usage.md, "What clients are told to drop"; docs/clients/browser-cache.md).
 *
 *   const cache = createAvailabilityCache({ functions: { enrolments_of: { arguments: { p: 'person_id' } } } })
 *   <SWRConfig value={{ provider: cache.provider }}> … cache.use(useSWRConfig().mutate)
 *   useSWR(['rpc', 'get_available_slots_v2', { p_stylist_id, p_service_id, p_target_date }], fetcher)
 *   createClient(url, key, { global: { fetch: cache.fetch } })      // headers of each response
 *   cache.listen('/events')                                        // notifications, relayed as server-sent events
 *
 * Keys of SWR are arrays ['rpc', name, arguments]; others are left alone.
 */

const HEADERS = ['X-Cache-Invalidate', 'X-Cache-Invalidate-Keys'];
const SLOTS = 'availability';
/* Functions of the extension, and by their arguments those that are made of them. */
const OF_SLOTS = /^(get_available_|get_next_available|get_round_robin|explain_slot)/;
const DATE = /^\d{4}-\d\d-\d\d$/;

/** Of a Response's headers: {namespaces, keys}; null: nothing is said. A header that is there twice is one list. */
export function readHeaders(headers) {
	const [namespaces, keys] = HEADERS.map((name) => headers.get(name));
	if (namespaces === null) return null;
	const list = namespaces.split(',').map((name) => name.trim()).filter(Boolean);
	if (list.includes('*')) return {};
	const said = { namespaces: list.map(decodeURIComponent) };
	try {
		if (keys !== null) said.keys = JSON.parse(`[${keys}]`).flat();
	} catch { /* then it is all of the namespaces */ }
	return said;
}

const same = (a, b) => String(a).toLowerCase() === String(b).toLowerCase();

/** Whether slots of these arguments can have changed; what cannot be told apart has. */
function slotsChanged(key, args) {
	if (key.namespace === SLOTS) return true;
	if (key.service !== undefined) return args.p_service_id === undefined || same(args.p_service_id, key.service);
	if (key.stylist === undefined) return false;
	const stylists = args.p_stylist_ids ?? (args.p_stylist_id === undefined ? null : [args.p_stylist_id]);
	if (Array.isArray(stylists) && !stylists.some((id) => same(id, key.stylist))) return false;
	const [from, to] = [args.p_target_date ?? args.p_from, args.p_target_date ?? args.p_to];
	if (key.from === undefined || !DATE.test(from) || !DATE.test(to)) return true;
	return from <= key.to && to >= key.from;
}

/** The same of a function that reads tables. */
function functionChanged(key, name, known, args) {
	if (key.function !== undefined) return key.function === name;
	if (key.table === undefined) return false;
	if (!(name in key.functions)) return known?.tables?.includes(key.table) ?? false;
	const column = key.functions[name];
	const values = column === null ? undefined : key.columns?.[column];
	const argument = Object.keys(known?.arguments ?? {}).find((a) => known.arguments[a] === column);
	return values === undefined || argument === undefined || args[argument] === undefined || values.some((v) => same(v, args[argument]));
}

/**
 * Whether an answer of a function with these arguments is outdated by what is said.
 * @param said {namespaces, keys} as a notification has them; without namespaces it is everything, without keys all of the namespaces
 * @param functions what is known of functions, by name: {schema: 'public', namespace, tables: ['public.t'], arguments: {argument: 'column'}}
 */
export function isOutdated(said, name, args = {}, functions = {}) {
	if (said.namespaces === undefined) return true;
	const known = functions[name];
	const fullName = `${known?.schema ?? 'public'}.${name}`;
	const isSlots = known?.namespace === SLOTS || OF_SLOTS.test(name) || 'p_stylist_id' in args || 'p_stylist_ids' in args;
	if (said.keys === undefined) {
		/* Of a function of which nothing is known it may be any. */
		if (known === undefined && !OF_SLOTS.test(name)) return true;
		const names = [fullName, known?.namespace, ...(known?.tables ?? []), ...(isSlots ? [SLOTS] : [])];
		return names.some((n) => said.namespaces.includes(n));
	}
	return said.keys.some((key) => (isSlots && slotsChanged(key, args)) || functionChanged(key, fullName, known, args));
}

const isRpc = (key) => Array.isArray(key) && key[0] === 'rpc';

/**
 * SWR's cache, kept in localStorage too. What is there at the start is taken only if a page listened until a moment ago
 * (a reload); who was away has missed what was said.
 */
class StoredCache extends Map {
	constructor(storage, prefix, trusted) {
		super();
		Object.assign(this, { storage, prefix });
		for (const name of this.stored()) {
			try {
				const { key, data } = JSON.parse(storage.getItem(prefix + name));
				if (trusted) super.set(name, { data, _k: key });
				else storage.removeItem(prefix + name);
			} catch {
				storage.removeItem(prefix + name);
			}
		}
	}

	stored() {
		const names = Array.from({ length: this.storage?.length ?? 0 }, (_, i) => this.storage.key(i));
		return names.filter((name) => name.startsWith(this.prefix)).map((name) => name.slice(this.prefix.length));
	}

	/* What is shown before the server has answered (_c is what it was) is not kept. */
	set(name, state) {
		super.set(name, state);
		if (!this.storage || !isRpc(state._k) || state._c !== undefined || state.error !== undefined) return this;
		try {
			if (state.data === undefined) this.storage.removeItem(this.prefix + name);
			else this.storage.setItem(this.prefix + name, JSON.stringify({ key: state._k, data: state.data }));
		} catch { /* full, or not allowed */
			this.storage.removeItem(this.prefix + name);
		}
		return this;
	}

	delete(name) {
		this.storage?.removeItem(this.prefix + name);
		return super.delete(name);
	}

	/* Those that no page has loaded, too. */
	dropStored(outdated) {
		for (const name of this.stored()) {
			try {
				if (outdated(JSON.parse(this.storage.getItem(this.prefix + name)).key)) this.storage.removeItem(this.prefix + name);
			} catch {
				this.storage.removeItem(this.prefix + name);
			}
		}
	}
}

/**
 * @param options functions: see isOutdated; storage: localStorage, or null; prefix: of its entries;
 *   channel: by which a page tells the others of this browser, or null; gap: so many milliseconds without a page that listens are a reload;
 *   onDrop: called with what was said
 */
export function createAvailabilityCache({
	functions = {}, storage = globalThis.localStorage ?? null, prefix = 'availability-cache:', channel = 'availability-cache', gap = 10000, onDrop,
} = {}) {
	const heard = `heard:${prefix}`;
	const isReload = Date.now() - Number(storage?.getItem(heard) ?? 0) < gap;
	const stored = new StoredCache(storage, prefix, isReload);
	const others = channel && globalThis.BroadcastChannel ? new BroadcastChannel(channel) : null;
	let mutate = null;
	let last = null;

	function dropHere(said) {
		const outdated = (key) => isRpc(key) && isOutdated(said, key[1], key[2], functions);
		stored.dropStored(outdated);
		onDrop?.(said);
		/* Data is gone, and asked for again where it is shown; what is under way from before is not taken. */
		if (mutate) return mutate(outdated, undefined, { revalidate: true });
		for (const [name, { _k }] of [...stored]) if (outdated(_k)) stored.delete(name);
		return undefined;
	}

	if (others) others.onmessage = ({ data }) => dropHere(data);

	const cache = {
		/** For SWRConfig. */
		provider: () => stored,
		/** SWR's mutate of that provider, from useSWRConfig(). */
		use(swrMutate) {
			mutate = swrMutate;
		},
		/** Drops what is outdated, here and in the browser's other pages. */
		drop(said) {
			others?.postMessage(said);
			return dropHere(said);
		},
		/** fetch, with what the response's headers say done before it is returned. */
		async fetch(input, init) {
			const response = await globalThis.fetch(input, init);
			cache.fromHeaders(response.headers);
			return response;
		},
		fromHeaders(headers) {
			const said = readHeaders(headers);
			return said === null ? undefined : cache.drop(said);
		},
		/** A notification's payload. One that was missed, or another server's life, is everything. */
		fromNotification(payload) {
			const { n, since, namespaces, keys } = JSON.parse(payload);
			const isNext = last !== null && last.since === since && n === last.n + 1;
			const said = last === null || isNext ? { namespaces, keys } : {};
			if (last === null || last.since !== since || n > last.n) last = { n, since };
			return dropHere(said);
		},
		/** Who begins to listen does not know what was said before. */
		connected() {
			last = null;
			return dropHere({});
		},
		/** Listens to server-sent events, each with one payload. Returns what ends it. */
		listen(url) {
			const events = new EventSource(url);
			const mark = () => events.readyState === EventSource.OPEN && storage?.setItem(heard, String(Date.now()));
			const timer = setInterval(mark, Math.min(gap / 4, 2000));
			globalThis.addEventListener('pagehide', mark);
			events.onopen = () => { cache.connected(); mark(); };
			events.onmessage = ({ data }) => cache.fromNotification(data);
			return () => {
				clearInterval(timer);
				globalThis.removeEventListener('pagehide', mark);
				events.close();
			};
		},
		/**
		 * Shows what will be while a request is under way; if it fails, what was is shown again, and it is raised.
		 * @param match (name, args) => boolean: of which answers
		 * @param update data => data
		 * @param request () => Promise
		 */
		async optimistic(match, update, request) {
			const keys = [...stored.values()].map(({ _k }) => _k).filter((key) => isRpc(key) && match(key[1], key[2]));
			const done = Promise.resolve().then(request);
			await Promise.all(keys.map((key) => mutate(key, done, {
				optimisticData: (shown) => (shown === undefined ? shown : update(shown)), populateCache: false, rollbackOnError: true, throwOnError: false,
			})));
			return done;
		},
	};
	return cache;
}
