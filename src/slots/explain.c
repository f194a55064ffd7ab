/*
 * explain.c
 *		Why a moment is the start of an available slot of a day, or is not.
 *
 * docs/rules.md says what decides; the numbers in comments refer to it.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/transam.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "slots/explain.h"

/* ---- who is too near ---- */

static void
note(SlotInterval *first, const SlotInterval *busy, int64 before, int64 after, int64 start, int64 end)
{
	if (busy->end <= busy->start || moment_minus(busy->start, before) >= end ||
		moment_plus(busy->end, after) <= start)
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

/* Of the grid: what makes it booked or held. */
static void
note_of_grid(Explained *e, const SlotInput *input)
{
	SlotBuffers own = input->buffers;

	for (int i = 0; i < input->nbookings; i++)
		note(&e->booking, &input->bookings[i], Max(input->booking_buffers[i].before, own.after),
			 Max(input->booking_buffers[i].after, own.before), e->start, e->end);
	for (int i = 0; i < input->nholds; i++)
	{
		if (input->hold_expires[i] > input->now)
			note(&e->hold, &input->holds[i], Max(input->hold_buffers[i].before, own.after),
				 Max(input->hold_buffers[i].after, own.before), e->start, e->end);
	}
	for (int i = 0; i < input->classes.nbusy; i++)
		note(&e->class, &input->classes.busy[i], Max(input->classes.buffers[i].before, own.after),
			 Max(input->classes.buffers[i].after, own.before), e->start, e->end);
	note_uses(&e->booking_in_seats, input, input->seats.bookings, input->seats.nbookings, e->start, e->end);
	note_uses(&e->hold, input, input->seats.holds, input->seats.nholds, e->start, e->end);
}

/* The same of a class. */
static void
note_of_class(Explained *e, const SlotInput *input)
{
	SlotBuffers own = input->buffers;

	for (int i = 0; i < input->classes.ntakers; i++)
	{
		const ClassTaker *taker = &input->classes.takers[i];
		SlotInterval *first = taker->of_service ? &e->booking_in_seats : &e->booking;

		if (taker->expires <= input->now ||
			(taker->kind == TAKER_CLASS && taker->of_service && taker->at.start == e->start))
			continue;
		if (taker->kind != TAKER_BOOKING)
			first = taker->kind == TAKER_HOLD ? &e->hold : &e->class;
		note(first, &taker->at, Max(taker->buffers.before, own.after), Max(taker->buffers.after, own.before),
			 e->start, e->end);
	}
}

void
explain_near(Explained *e, const DayRules *rules, const SlotInput *input, MemoryContext strings)
{
	const SlotClass *class = class_slot_at(&input->classes, e->start);
	const SlotCap *cap;

	e->end = class != NULL ? class->at.end : e->start + input->duration;
	e->booking = e->booking_in_seats = e->hold = e->class = (SlotInterval){0, 0};
	e->blocking = MemoryContextStrdup(strings, rules->blocking.text);
	e->others_block = !rules->blocking.wanted;
	e->holding = MemoryContextStrdup(strings, rules->holding.text);
	e->cancelled = MemoryContextStrdup(strings, rules->cancelled.text);
	cap = slots_cap_against(input, e->start, e->end);
	e->capped_by = cap == NULL || cap->of_rules ? SOURCE_RULES
				   : cap->of_service			? SOURCE_SERVICES
												: SOURCE_PROFILES;
	if (class != NULL)
		note_of_class(e, input);
	else
		note_of_grid(e, input);
}

/* ---- who has the resource ---- */

void
explain_taken(Explained *e, const pg_uuid_t *stylist, const pg_uuid_t *service, const DayRules *rules,
			  const ResourceKinds *kinds, int64 now)
{
	const ResourceNeed *need = kinds_need_of(kinds, service);
	Takings takings = takings_of_kind(kinds, need->kind, (SlotInterval){e->start, e->end}, rules, now);

	takings_drop_shared(&takings, need, stylist);
	e->taken.at = (SlotInterval){0, 0};
	for (int i = 0; i < takings.n; i++)
	{
		if (e->taken.at.end <= e->taken.at.start || takings.takings[i].at.start < e->taken.at.start)
			e->taken = takings.takings[i];
	}
}

/* ---- the moment ---- */

/* (8), (11): a moment at which no slot starts. */
static SlotReason
why_no_slot(const Explained *e, const SlotInput *input)
{
	if (input->nwindows == 0)
		return input->closed ? WHY_CLOSED : WHY_NO_HOURS;
	for (int i = 0; i < input->nwindows; i++)
	{
		if (e->start >= input->windows[i].start && e->start < input->windows[i].end)
			return e->end > input->windows[i].end ? WHY_TOO_SHORT : WHY_OFF_GRID;
	}
	return WHY_OUTSIDE_HOURS;
}

void
explain_start(Explained *e, const SlotInput *input, const Slot *slots, int64 n)
{
	e->is_slot = false;
	e->seats = -1;
	for (int64 i = 0; i < n && !e->is_slot; i++)
	{
		if (slots[i].start != e->start)
			continue;
		e->is_slot = true;
		e->reason = slots[i].reason;
		if (input->seats.capacity != SEATS_ALONE || input->classes.nslots > 0)
			e->seats = slots[i].seats;
	}
	if (!e->is_slot)
		e->reason = why_no_slot(e, input);
}

int
explain_rule(SlotReason reason)
{
	static const int rules[SLOT_NREASONS] = {
		[WHY_NONE] = 16,		[WHY_TOO_SOON] = 12,	 [WHY_TOO_LATE] = 12, [WHY_ON_BREAK] = 13,
		[WHY_BOOKED] = 14,		[WHY_FULL] = 17,		 [WHY_HELD] = 15,	  [WHY_CLOSED] = 7,
		[WHY_DAILY_LIMIT] = 20, [WHY_WEEKLY_LIMIT] = 20, [WHY_NO_HOURS] = 6,  [WHY_TOO_SHORT] = 11,
		[WHY_NO_RESOURCE] = 21, [WHY_OUTSIDE_HOURS] = 8, [WHY_OFF_GRID] = 11,
	};

	return rules[reason];
}

/* ---- the row that decides ---- */

#define EQ " OPERATOR(pg_catalog.=) "

/*
 * The query is the caller's, and must not run what the table's owner wrote: such is a cast of a type of
 * theirs, to text or to json, but not a type's output.
 */
static bool
may_have_casts(Oid type)
{
	return getBaseType(type) >= FirstNormalObjectId;
}

/* "SELECT the row FROM the table t": to_jsonb(t) would look for casts. */
static void
append_row(StringInfo text, SourceRole role)
{
	Relation rel = table_open(source_relid(role), AccessShareLock);
	TupleDesc desc = RelationGetDescr(rel);
	const char *separator = "";

	appendStringInfoString(text, "SELECT (SELECT pg_catalog.to_jsonb(r) FROM (SELECT ");
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		const char *name = quote_identifier(NameStr(attribute->attname));

		if (attribute->attisdropped)
			continue;
		appendStringInfoString(text, separator);
		if (may_have_casts(attribute->atttypid))
			appendStringInfo(text, "CASE WHEN NOT t.%s IS NULL THEN pg_catalog.concat(t.%s) END AS ", name,
							 name);
		else
			appendStringInfoString(text, "t.");
		appendStringInfoString(text, name);
		separator = ", ";
	}
	appendStringInfo(text, ") r) FROM %s t", source_name(role));
	table_close(rel, AccessShareLock);
}

static void
append_text(StringInfo text, const SourceColumn *column)
{
	appendStringInfo(text, may_have_casts(column->type) ? "pg_catalog.concat(t.%s)" : "t.%s::pg_catalog.text",
					 column->quoted);
}

/* (21): that name the resource, or none. */
static void
append_taken(StringInfo text, const Explained *e, SourceRole role)
{
	const char *resource = source_column(role, "resource_id")->quoted;

	if (e->taken.has_resource)
		appendStringInfo(text, " AND t.%s" EQ "$5", resource);
	else
		appendStringInfo(text, " AND t.%s IS NULL AND t.%s" EQ "$5", resource,
						 source_column(role, "service_id")->quoted);
}

/* Of bookings, holds and classes: those of these times that count. */
static char *
query_by_times(const Explained *e, SourceRole role)
{
	bool others_count = role == SOURCE_CLASSES || (role == SOURCE_BOOKINGS && e->others_block);
	StringInfoData text;
	const SourceColumn *status = source_column(role, "status");
	const SourceColumn *active = source_column(role, "is_active");

	initStringInfo(&text);
	append_row(&text, role);
	appendStringInfo(&text, " WHERE t.%s" EQ "$1 AND t.%s" EQ "$2 AND t.%s" EQ "$3",
					 source_column(role, "stylist_user_id")->quoted,
					 source_column(role, "start_time")->quoted, source_column(role, "end_time")->quoted);
	if (status != NULL)
	{
		appendStringInfo(&text, others_count ? " AND (t.%s IS NULL OR " : " AND (t.%s IS NOT NULL AND ",
						 status->quoted);
		append_text(&text, status);
		appendStringInfo(&text, " OPERATOR(pg_catalog.%s ($4::pg_catalog.text[]))",
						 others_count ? "<>) ALL" : "=) ANY");
	}
	if (active != NULL)
		appendStringInfo(&text, " AND t.%s IS NOT FALSE", active->quoted);
	if (e->reason == WHY_NO_RESOURCE)
		append_taken(&text, e, role);
	appendStringInfoString(&text, " ORDER BY t.ctid LIMIT 1");
	return text.data;
}

/* (7): of overrides, that it is closed. */
static void
append_closed(StringInfo text)
{
	static const char *const hours[] = {"start_time", "end_time"};
	const SourceColumn *closed = source_column(SOURCE_OVERRIDES, "is_closed");
	const SourceColumn *zone = source_column(SOURCE_OVERRIDES, "timezone");
	const SourceColumn *to_all = source_column(SOURCE_OVERRIDES, "applies_to_all");

	if (closed != NULL)
	{
		appendStringInfo(text, " AND t.%s", closed->quoted);
		return;
	}
	for (int i = 0; i < lengthof(hours); i++)
	{
		if (source_column(SOURCE_OVERRIDES, hours[i]) != NULL)
			appendStringInfo(text, " AND t.%s IS NULL", source_column(SOURCE_OVERRIDES, hours[i])->quoted);
	}
	if (zone == NULL)
		return;
	appendStringInfo(text, " AND (t.%s IS NULL OR t.%s IS NULL", zone->quoted,
					 source_column(SOURCE_OVERRIDES, "stylist_user_id")->quoted);
	if (to_all != NULL)
		appendStringInfo(text, " OR t.%s", to_all->quoted);
	appendStringInfoChar(text, ')');
}

/* (7): the first of those that close the date. */
static char *
query_of_closing(void)
{
	StringInfoData text;
	SourceRole role = SOURCE_OVERRIDES;
	const SourceColumn *last = source_column(role, "end_date");
	const SourceColumn *active = source_column(role, "is_active");
	const SourceColumn *to_all = source_column(role, "applies_to_all");
	const SourceColumn *priority = source_column(role, "priority");
	const char *stylist = source_column(role, "stylist_user_id")->quoted;
	const char *first = source_column(role, "override_date")->quoted;

	initStringInfo(&text);
	append_row(&text, role);
	appendStringInfo(&text, " WHERE (t.%s" EQ "$1 OR t.%s IS NULL", stylist, stylist);
	if (to_all != NULL)
		appendStringInfo(&text, " OR t.%s", to_all->quoted);
	appendStringInfo(
		&text, ") AND $2 OPERATOR(pg_catalog.>=) t.%s AND $2 OPERATOR(pg_catalog.<=) COALESCE(t.%s, t.%s)",
		first, last != NULL ? last->quoted : first, first);
	append_closed(&text);
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

/* (20): that has the cap, as the first of those that count does. */
static char *
query_of_caps(SourceRole role, const char *id)
{
	const SourceColumn *active = source_column(role, "is_active");
	StringInfoData text;

	initStringInfo(&text);
	append_row(&text, role);
	appendStringInfo(&text, " WHERE t.%s" EQ "$1", source_column(role, id)->quoted);
	if (active != NULL)
		appendStringInfo(&text, " AND t.%s IS NOT FALSE", active->quoted);
	appendStringInfoString(&text, " ORDER BY t.ctid LIMIT 1");
	return text.data;
}

static char *
query_of_rules(void)
{
	StringInfoData text;

	initStringInfo(&text);
	append_row(&text, SOURCE_RULES);
	return text.data;
}

char *
explain_query(const Explained *e, SourceRole *role, SlotInterval *at)
{
	*role = SOURCE_BOOKINGS;
	switch (e->reason)
	{
		case WHY_BOOKED:
			if (e->booking.end <= e->booking.start && e->class.end > e->class.start)
				*role = SOURCE_CLASSES;
			*at = *role == SOURCE_CLASSES ? e->class : e->booking;
			break;
		case WHY_FULL:
			*at = e->booking_in_seats;
			break;
		case WHY_HELD:
			*role = SOURCE_RESERVATIONS;
			*at = e->hold;
			break;
		case WHY_NO_RESOURCE:
			*role = e->taken.is_hold ? SOURCE_RESERVATIONS : SOURCE_BOOKINGS;
			*at = e->taken.at;
			break;
		case WHY_CLOSED:
			*role = SOURCE_OVERRIDES;
			return query_of_closing();
		case WHY_DAILY_LIMIT:
		case WHY_WEEKLY_LIMIT:
			*role = e->capped_by;
			return *role == SOURCE_RULES ? query_of_rules()
										 : query_of_caps(*role, *role == SOURCE_SERVICES ? "id" : "user_id");
		default:
			return NULL;
	}
	return at->end <= at->start ? NULL : query_by_times(e, *role);
}
