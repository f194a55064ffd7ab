// What the types let pass and what they do not; tsc says so. Nothing of it runs.
import { createClient } from '@supabase/supabase-js';
import type { Answer, Database, Slot } from './availability_cache.ts';

const supabase = createClient<Database>('https://example.invalid', 'key');

export async function slots(p_stylist_id: string, p_service_id: string, p_target_date: string): Promise<Slot[]> {
	const { data, error } = await supabase.rpc('get_available_slots_v2', { p_stylist_id, p_service_id, p_target_date });
	if (error) throw error;
	const answer: Answer = data;
	// @ts-expect-error  not before success is known
	answer.slots;
	if (!answer.success) throw new Error(`${answer.code}: ${answer.error}`);
	return answer.slots;
}

export async function rows(): Promise<string[]> {
	// @ts-expect-error  a day is text
	await supabase.rpc('get_available_slots', { p_stylist_id: '', p_service_id: '', p_target_date: new Date() });
	// @ts-expect-error  the service is missing
	await supabase.rpc('get_available_slots', { p_stylist_id: '', p_target_date: '2030-10-16' });
	const { data } = await supabase.rpc('get_available_slots', { p_stylist_id: '', p_service_id: '', p_target_date: '2030-10-16' }).throwOnError();
	return (data ?? []).filter((row) => row.status === 'available').map((row) => row.slot_display);
}

export function price(slot: Slot): number {
	// @ts-expect-error  a service may have no price
	const cents: number = slot.price_cents;
	return slot.price_cents ?? cents;
}

export async function freeDays(p_service_id: string): Promise<string[]> {
	const { data } = await supabase.rpc('get_available_days', { p_service_id, p_from: '2030-10-01', p_to: '2030-10-31' }).throwOnError();
	if (!data?.success) throw new Error(data?.error);
	return data.days.filter((day) => day.slots > 0).map((day) => `${day.date} from ${day.first}`);
}

export function seats(slot: Slot): number {
	// @ts-expect-error  not of every service
	const left: number = slot.seats_left;
	return slot.seats_left ?? left;
}

// @ts-expect-error  no such status
export const status: Slot['status'] = 'canceled';
