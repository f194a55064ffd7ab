/*
 * queries.h
 *		Asking the attached tables, each as its owner.
 */
#ifndef AC_SLOTS_QUERIES_H
#define AC_SLOTS_QUERIES_H

#include "slots/query_text.h"

/*
 * Asks a table under the active snapshot; result.h reads the rows.
 * Caller is connected to SPI, has loaded the mapping and guards the settings
 * (base/as_user.h).  Raises what a query can raise.  Arguments and results, int64 unless
 * said otherwise; spans in microseconds:
 *
 *	rules			() -> slot_step, buffer_before, buffer_after, min_notice,
 *					max_advance, default_timezone text, display_format text,
 *					show_unavailable bool, show_breaks bool,
 *					non_blocking_statuses text[], hold_statuses text[], both as text,
 *					slot_alignment text, seat_sharing text, show_reasons bool,
 *					notice_days, notice_cutoff (from midnight), advance_whole_days bool,
 *					blocking_statuses text[], as text; NULL: not set; service_caps text, caps
 *					(by kind)
 *	profile			(stylist) -> active bool, timezone text, buffer_before,
 *					buffer_after, notice, horizon, caps (by kind)
 *	offer			(stylist, service) -> offered bool (false: the stylist has other
 *					services only), active bool, duration, price,
 *					capacity
 *	stylists		(service, limit) -> stylist uuid; those that offer it, in order, so many at most
 *	offers			(limit) -> stylist uuid, service uuid; in order, so many at most
 *	service			(service) -> active bool, duration, price, notice, horizon, capacity, caps,
 *					step, alignment text, only classes bool
 *	buffers			(services uuid[]) -> service uuid, buffer_before, buffer_after; a row for
 *					each that there is
 *	longest buffer	() -> of all services, either
 *	schedule		(stylist, day of week, the same with 7 for Sunday, date, service) ->
 *					opens, closes, break start, break end (time), of the service bool, of the
 *					day of week bool (the service's are of any), every how many weeks, from
 *					that of which date
 *	overrides		(stylist, date) -> priority, of all bool, closed bool, opens, closes
 *					(time), zone text (of those of the stylist); in the order in which they count
 *	bookings		(stylist, from, from less a day, to, clock) -> start, end (timestamptz),
 *					service uuid, seats; statuses: of those that block; the clock is as for
 *					a CacheRequest's compute
 *	counts			(stylists uuid[], from, to) -> stylist uuid, how many begin then; statuses: as of bookings
 *	... of service	(service, from, to[, now]) -> as of bookings and holds, those that
 *					begin then, of any stylist
 *	holds			(stylist, from, to, now) -> start, end, service uuid, expires
 *					(timestamptz), seats; statuses: those that hold
 *	resources		() -> id uuid, kind text; each once, in order
 *	needs			() -> service uuid, kind text; services that need a resource, each once, in order
 *	takings			(resources uuid[], services uuid[], from, from less a day, to) -> stylist uuid, start,
 *					end (timestamptz), service uuid, resource uuid: bookings of one of the resources, or
 *					of none and one of the services; statuses: as of bookings
 *	classes			(stylist, from less the longest, from, to) -> start, end (timestamptz), service uuid,
 *					seats; statuses: those that do not count
 *	held takings	(resources, services, from, to, now) -> the same of holds, with expires
 *					(timestamptz); statuses: as of holds
 */
extern uint64 query_run(SlotsQuery query, const QueryStatuses *statuses, Datum *args);

#endif /* AC_SLOTS_QUERIES_H */
