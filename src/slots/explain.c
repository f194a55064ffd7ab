/*
 * explain.c
 *		Why a moment is the start of an available slot of a day, or is not.
 *
 * docs/rules.md says what decides; the numbers in comments refer to it.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "slots/explain.h"
#include "slots/zone.h"

/* ---- who is too near ---- */

static void
note(SlotInterval *first, const SlotInterval *busy, int64 before, int64 after, int64 start, int64 end)
{
	if (busy->end <= busy->start || moment_minus(busy->start, before) >= end || moment_plus(busy->end, after) <= start)
		return;
	if (first->end <= first->start || busy->start < first->start)
		*first = *busy;
}

static void
note_uses(SlotInterval *first, const SlotInput *input, const SeatUse *uses, int n, int64 start, int64 end)
{
	int64 around = Max(input->buffers.before, input->buffers.after);

	for (int i = 0; i < n; i++)
	{
		if (uses[i].expires > input->now)
			note(first, &uses[i].at, around, around, start, end);
	}
}

void
explain_near(Explained *e, const DayRules *rules, const SlotInput *input, MemoryContext strings)
{
	SlotBuffers own = input->buffers;
	TimestampTz until;
	int64 end = e->end = e->start + input->duration;
	int64 local = e->start + zone_offset(rules->stylist_zone, e->start, &until) * USECS_PER_SEC;

	e->local_date = utc_day_of(local);
	e->booking = e->booking_in_seats = e->hold = (SlotInterval){0, 0};
	e->non_blocking = MemoryContextStrdup(strings, rules->non_blocking.text);
	e->holding = MemoryContextStrdup(strings, rules->holding.text);
	for (int i = 0; i < input->nbookings; i++)
		note(&e->booking, &input->bookings[i], Max(input->booking_buffers[i].before, own.after),
			 Max(input->booking_buffers[i].after, own.before), e->start, end);
	for (int i = 0; i < input->nholds; i++)
	{
		if (input->hold_expires[i] > input->now)
			note(&e->hold, &input->holds[i], Max(input->hold_buffers[i].before, own.after),
				 Max(input->hold_buffers[i].after, own.before), e->start, end);
	}
	note_uses(&e->booking_in_seats, input, input->seats.bookings, input->seats.nbookings, e->start, end);
	note_uses(&e->hold, input, input->seats.holds, input->seats.nholds, e->start, end);
}

/* ---- the moment ---- */

/* (8), (11): a moment at which no slot starts. */
static SlotReason
why_no_slot(const Explained *e, const SlotInput *input, SlotReason why)
{
	if (input->nwindows == 0)
		return why;
	for (int i = 0; i < input->nwindows; i++)
	{
		if (e->start >= input->windows[i].start && e->start < input->windows[i].end)
			return e->end > input->windows[i].end ? WHY_TOO_SHORT : WHY_OFF_GRID;
	}
	return WHY_OUTSIDE_HOURS;
}

void
explain_start(Explained *e, const SlotInput *input, const Slot *slots, int64 n, SlotReason why)
{
	e->is_slot = false;
	e->seats = -1;
	for (int64 i = 0; i < n && !e->is_slot; i++)
	{
		if (slots[i].start != e->start)
			continue;
		e->is_slot = true;
		e->reason = slots[i].reason;
		if (input->seats.capacity != SEATS_ALONE)
			e->seats = slots[i].seats;
	}
	if (!e->is_slot)
		e->reason = why_no_slot(e, input, why);
}

int
explain_rule(SlotReason reason)
{
	static const int rules[SLOT_NREASONS] = {
		[WHY_NONE] = 16,	[WHY_TOO_SOON] = 12,  [WHY_TOO_LATE] = 12,	   [WHY_ON_BREAK] = 13,
		[WHY_BOOKED] = 14,	[WHY_FULL] = 17,	  [WHY_HELD] = 15,		   [WHY_CLOSED] = 7,
		[WHY_NO_HOURS] = 6, [WHY_TOO_SHORT] = 11, [WHY_OUTSIDE_HOURS] = 8, [WHY_OFF_GRID] = 11,
	};

	return rules[reason];
}

/* ---- the row that decides ---- */

#define EQ " OPERATOR(pg_catalog.=) "

/* Of bookings and holds: those of these times that count. */
static char *
query_by_times(SourceRole role, const char *status_test)
{
	StringInfoData text;
	const SourceColumn *status = source_column(role, "status");

	initStringInfo(&text);
	appendStringInfo(&text,
					 "SELECT pg_catalog.to_jsonb(t) FROM %s t WHERE t.%s" EQ "$1 AND t.%s" EQ "$2 AND t.%s" EQ "$3",
					 source_name(role), source_column(role, "stylist_user_id")->quoted,
					 source_column(role, "start_time")->quoted, source_column(role, "end_time")->quoted);
	if (status != NULL)
		appendStringInfo(&text, status_test, status->quoted, status->quoted);
	appendStringInfoString(&text, " ORDER BY t.ctid LIMIT 1");
	return text.data;
}

/* (7): the first of those that close the date. */
static char *
query_of_closing(void)
{
	StringInfoData text;
	SourceRole role = SOURCE_OVERRIDES;
	const SourceColumn *last = source_column(role, "end_date");
	const SourceColumn *closed = source_column(role, "is_closed");
	const SourceColumn *active = source_column(role, "is_active");
	const SourceColumn *to_all = source_column(role, "applies_to_all");
	const SourceColumn *priority = source_column(role, "priority");
	const char *stylist = source_column(role, "stylist_user_id")->quoted;
	const char *first = source_column(role, "override_date")->quoted;

	initStringInfo(&text);
	appendStringInfo(&text, "SELECT pg_catalog.to_jsonb(t) FROM %s t WHERE (t.%s" EQ "$1 OR t.%s IS NULL",
					 source_name(role), stylist, stylist);
	if (to_all != NULL)
		appendStringInfo(&text, " OR t.%s", to_all->quoted);
	appendStringInfo(&text, ") AND $2 OPERATOR(pg_catalog.>=) t.%s AND $2 OPERATOR(pg_catalog.<=) COALESCE(t.%s, t.%s)",
					 first, last != NULL ? last->quoted : first, first);
	if (closed != NULL)
		appendStringInfo(&text, " AND t.%s", closed->quoted);
	if (active != NULL)
		appendStringInfo(&text, " AND t.%s IS NOT FALSE", active->quoted);
	appendStringInfoString(&text, " ORDER BY ");
	if (priority != NULL)
		appendStringInfo(&text, "t.%s DESC NULLS LAST, ", priority->quoted);
	appendStringInfo(&text, "t.%s IS NULL", stylist);
	if (to_all != NULL)
		appendStringInfo(&text, " OR t.%s IS TRUE", to_all->quoted);
	appendStringInfoString(&text, ", t.ctid LIMIT 1");
	return text.data;
}

char *
explain_query(const Explained *e, SourceRole *role, SlotInterval *at)
{
	*role = SOURCE_BOOKINGS;
	switch (e->reason)
	{
		case WHY_BOOKED:
			*at = e->booking;
			break;
		case WHY_FULL:
			*at = e->booking_in_seats;
			break;
		case WHY_HELD:
			*role = SOURCE_RESERVATIONS;
			*at = e->hold;
			break;
		case WHY_CLOSED:
			*role = SOURCE_OVERRIDES;
			return query_of_closing();
		default:
			return NULL;
	}
	if (at->end <= at->start)
		return NULL;
	return *role == SOURCE_BOOKINGS
			   ? query_by_times(*role, " AND (t.%s IS NULL OR t.%s::pg_catalog.text OPERATOR(pg_catalog.<>) "
									   "ALL ($4::pg_catalog.text[]))")
			   : query_by_times(*role, " AND t.%s IS NOT NULL AND t.%s::pg_catalog.text OPERATOR(pg_catalog.=) "
									   "ANY ($4::pg_catalog.text[])");
}
