// Types of JSON that the availability functions give. Made by types.mjs from the catalogs: run it again instead of changing this.
/* eslint-disable */

export type Json = string | number | boolean | null | Json[] | { [name: string]: Json | undefined };

export type Status = 'available' | 'booked' | 'reserved' | 'in_break' | 'unavailable';

/** Why a slot, or a whole day, is not available. */
export type Reason = 'too_soon' | 'too_late' | 'on_break' | 'booked' | 'full' | 'held' | 'no_resource' | 'daily_limit' | 'weekly_limit' | 'closed' | 'no_hours' | 'too_short';

/** NOT_FOUND is of rules.compute_function. */
export type ErrorCode = 'INVALID_ARGUMENT' | 'INVALID_TIMEZONE' | 'STYLIST_NOT_FOUND' | 'SERVICE_NOT_OFFERED' | 'NOT_FOUND' | 'INTERNAL_ERROR';

/** What get_available_slots_v2 and get_available_slots_json give. An error comes with HTTP's 200 and without an `error` of supabase-js: look at success. */
export type Answer =
	| { success: true; slots: Slot[]; reason?: Reason | null; cached: boolean; cache_hit: boolean; computed_at: string }
	| Failure;
export interface Failure { success: false; error: string; code: ErrorCode }

/** What get_available_slots_range and get_next_available give, and get_available_days. */
export type RangeAnswer = { success: true; slots: RangeSlot[]; cached: boolean; cache_hit: boolean; computed_at: string } | Failure;
export type DaysAnswer = { success: true; days: Day[]; cached: boolean; cache_hit: boolean; computed_at: string } | Failure;

/** first is the first slot's start, on the customer's clock; null, and with a reason, where there is none. */
export interface Day { date: string; slots: number; seats: number; first?: string; reason?: Reason }

/** A row of get_available_slots. */
export interface GetAvailableSlotsRow {
	slot_start_utc: string;   // timestamp with time zone
	slot_end_utc: string;   // timestamp with time zone
	slot_start_local: string;   // timestamp without time zone
	slot_end_local: string;   // timestamp without time zone
	slot_display: string;   // text
	status: Status;   // text
	price_cents: number | null;   // integer
}

/** A slot of an answer: a row of get_available_slots, as JSON. */
export type Slot = GetAvailableSlotsRow & {
	seats_left?: number;   // where the service has a capacity
	reason?: Reason | null;   // with rules.show_reasons, null where it is available
};

/** A slot of several days or stylists. */
export type RangeSlot = GetAvailableSlotsRow & {
	stylists: string[];   // who is free
	seats_left: number;
	reason?: Reason | null;   // with rules.show_reasons
};

export interface Database {
	public: {
		Tables: Record<never, never>;
		Views: Record<never, never>;
		Functions: {
			get_available_days: { Args: { p_service_id: string; p_from: string; p_to: string; p_stylist_ids?: string[]; p_customer_timezone?: string; p_match?: string; p_seats?: number; p_duration?: string; p_exclude_booking_id?: string; p_available_only?: boolean }; Returns: DaysAnswer };
			get_available_days_json: { Args: { p_service_id: string; p_from: string; p_to: string; p_stylist_ids?: string[]; p_customer_timezone?: string; p_match?: string; p_seats?: number; p_duration?: string; p_exclude_booking_id?: string; p_available_only?: boolean }; Returns: DaysAnswer };
			get_available_sequence: { Args: { p_service_ids: string[]; p_from: string; p_to: string; p_stylist_ids?: string[]; p_customer_timezone?: string; p_same_stylist?: boolean; p_max_gap?: string }; Returns: Json };
			get_available_sequence_json: { Args: { p_service_ids: string[]; p_from: string; p_to: string; p_stylist_ids?: string[]; p_customer_timezone?: string; p_same_stylist?: boolean; p_max_gap?: string }; Returns: Json };
			get_available_slots: { Args: { p_stylist_id: string; p_service_id: string; p_target_date: string; p_customer_timezone?: string }; Returns: GetAvailableSlotsRow[] };
			get_available_slots_json: { Args: { p_stylist_id: string; p_service_id: string; p_target_date: string; p_customer_timezone?: string }; Returns: Answer };
			get_available_slots_range: { Args: { p_service_id: string; p_from: string; p_to: string; p_stylist_ids?: string[]; p_customer_timezone?: string; p_match?: string; p_seats?: number; p_duration?: string; p_exclude_booking_id?: string; p_available_only?: boolean }; Returns: RangeAnswer };
			get_available_slots_range_json: { Args: { p_service_id: string; p_from: string; p_to: string; p_stylist_ids?: string[]; p_customer_timezone?: string; p_match?: string; p_seats?: number; p_duration?: string; p_exclude_booking_id?: string; p_available_only?: boolean }; Returns: RangeAnswer };
			get_available_slots_v2: { Args: { p_stylist_id: string; p_service_id: string; p_target_date: string; p_customer_timezone?: string }; Returns: Answer };
			get_next_available: { Args: { p_service_id: string; p_stylist_ids?: string[]; p_customer_timezone?: string; p_match?: string; p_seats?: number; p_duration?: string; p_exclude_booking_id?: string; p_after?: string; p_limit?: number }; Returns: RangeAnswer };
			get_next_available_json: { Args: { p_service_id: string; p_stylist_ids?: string[]; p_customer_timezone?: string; p_match?: string; p_seats?: number; p_duration?: string; p_exclude_booking_id?: string; p_after?: string; p_limit?: number }; Returns: RangeAnswer };
			get_round_robin: { Args: { p_service_id: string; p_start: string; p_stylist_ids?: string[]; p_counted_from?: string; p_counted_to?: string }; Returns: Json };
			get_round_robin_json: { Args: { p_service_id: string; p_start: string; p_stylist_ids?: string[]; p_counted_from?: string; p_counted_to?: string }; Returns: Json };
		};
		Enums: Record<never, never>;
		CompositeTypes: Record<never, never>;
	};
}
