// @ts-check
// supabase-js (npm install @supabase/supabase-js), or whatever else calls PostgREST. Run: node supabase.mjs
// URL KEY STYLIST SERVICE DAY; it checks what it says.
import assert from 'node:assert/strict';
import { createClient } from '@supabase/supabase-js';

const [url, key, stylist, service, day] = process.argv.slice(2);
/** @type {import('@supabase/supabase-js').SupabaseClient<import('./availability_cache.ts').Database>} */
const supabase = createClient(url, key, { auth: { persistSession: false, autoRefreshToken: false } });
const asked = { p_stylist_id: stylist, p_service_id: service, p_target_date: day, p_customer_timezone: 'Asia/Kathmandu' };

// A POST. Three things can come back, and `const { data } = …` alone shows none of them apart: an error of
// HTTP or SQL, an answer that says no, slots.
const { data: answer, error } = await supabase.rpc('get_available_slots_json', asked);
if (error) throw error;
assert(answer.success);
assert.equal(answer.slots[0].slot_start_local.slice(0, 10), day);

// What is not there is an answer: no error, status 200, success false. With
// availability_cache.http_error_status it is an error with a status and a code.
const none = await supabase.rpc('get_available_slots_json', { ...asked, p_stylist_id: service });
assert.equal(none.error, null);
assert(none.data && !none.data.success && none.data.code === 'STYLIST_NOT_FOUND');

// What is no uuid never gets there, and is an error either way.
const bad = await supabase.rpc('get_available_slots_json', { ...asked, p_stylist_id: 'Anita' });
assert(bad.error?.code === '22P02' && bad.status === 400);

// A GET: a READ ONLY transaction, and what HTTP caches keep. With availability_cache.http_headers, a
// browser's cache and 304s come with it (docs/usage.md, HTTP).
const { data: same } = await supabase.rpc('get_available_slots_json', asked, { get: true });
assert.deepEqual(same?.success && same.slots, answer.slots);

// Leave out what you would not say: in a GET null is the text "null", and no zone has that name.
const unsaid = await supabase.rpc('get_available_slots_json', { ...asked, p_customer_timezone: /** @type {any} */ (null) }, { get: true });
assert(unsaid.data && !unsaid.data.success && unsaid.data.code === 'INVALID_TIMEZONE');

// A day is text. A Date becomes JSON as Greenwich has it: midnight in Kathmandu is the day before.
const midnight = /** @type {any} */ (new Date(`${day}T00:00:00+05:45`));
const { data: wrong } = await supabase.rpc('get_available_slots_json', { ...asked, p_target_date: midnight });
assert(wrong?.success && wrong.slots[0].slot_start_local.slice(0, 10) < day);

// Some rows and some columns of them: get_available_slots, which is computed each time.
const { data: free } = await supabase.rpc('get_available_slots', asked).eq('status', 'available').select('slot_display, price_cents');
assert.deepEqual(Object.keys(free?.[0] ?? {}), ['slot_display', 'price_cents']);

console.log(`${answer.slots.length} slots on ${day}`);
