/*
 * queries.h
 *		What is asked of each attached table.
 */
#ifndef AC_SLOTS_QUERIES_H
#define AC_SLOTS_QUERIES_H

#include "nodes/pg_list.h"

#include "slots/sources.h"

/* The statuses that the text of the queries for bookings and holds depends on. */
typedef struct QueryStatuses
{
	List *names; /* of char * */
} QueryStatuses;

/*
 * Results, all int64 unless said otherwise; spans in microseconds.
 *
 *	rules			() -> slot_step, buffer_before, buffer_after, min_notice,
 *					max_advance, default_timezone text, display_format text,
 *					show_unavailable bool, show_breaks bool,
 *					non_blocking_statuses text[], hold_statuses text[], and both as text
 *	profile			(stylist) -> active bool, timezone text, buffer_before,
 *					buffer_after, notice, horizon
 *	stylist_service	(stylist, service) -> offered bool (false: the stylist has other
 *					services only), active bool, duration, price
 *	service			(service) -> active bool, duration, price, buffer_before,
 *					buffer_after, notice, horizon
 *	schedule		(stylist, day of week, the same with 7 for Sunday, date) ->
 *					opens, closes, break start, break end (time)
 *	override		(stylist, date) -> closed bool, opens, closes (time)
 *	bookings		(stylist, from, from less a day, to) -> start, end (timestamptz)
 *	reservations	(stylist, from, to, now) -> start, end, expires (timestamptz)
 */
extern const SourceQuery query_rules;
extern const SourceQuery query_profile;
extern const SourceQuery query_stylist_service;
extern const SourceQuery query_service;
extern const SourceQuery query_schedule;
extern const SourceQuery query_override;
extern const SourceQuery query_bookings;
extern const SourceQuery query_reservations;

#endif /* AC_SLOTS_QUERIES_H */
