/*
 * guard_row.c
 *		Rows of attached bookings and holds, as the guard sees them.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "base/settings.h"
#include "entry/guard_row.h"
#include "slots/guard.h"
#include "slots/guard_rules.h"

/* As the queries have it: without the blanks that character adds. */
static char *
status_text(Datum value, Oid type)
{
	Oid output;
	bool varlena;
	char *text;

	getTypeOutputInfo(type, &output, &varlena);
	text = OidOutputFunctionCall(output, value);
	if (getBaseType(type) == BPCHAROID)
	{
		for (size_t n = strlen(text); n > 0 && text[n - 1] == ' '; n--)
			text[n - 1] = '\0';
	}
	return text;
}

static bool
is_among(const char *text, const List *texts)
{
	ListCell *cell;

	foreach(cell, texts)
	{
		if (strcmp(text, lfirst(cell)) == 0)
			return true;
	}
	return false;
}

/* Whether its status lets it take time. */
static bool
takes_time(const GuardColumns *columns, HeapTuple row, TupleDesc desc)
{
	const GuardRules *rules = guard_rules();
	bool others = !columns->is_hold && rules->others_block; /* take time, not those that are named */
	bool isnull;
	Datum status;

	if (columns->status == InvalidAttrNumber)
		return true;
	status = heap_getattr(row, columns->status, desc, &isnull);
	if (isnull)
		return others;
	return is_among(status_text(status, TupleDescAttr(desc, columns->status - 1)->atttypid),
					columns->is_hold ? rules->holding : rules->blocking) != others;
}

/* One where it does not say. */
static int64
seats_of(const GuardColumns *columns, HeapTuple row, TupleDesc desc)
{
	bool isnull = true;
	Datum seats = (Datum) 0;

	if (columns->seats != InvalidAttrNumber)
		seats = heap_getattr(row, columns->seats, desc, &isnull);
	if (isnull)
		return 1;
	switch (getBaseType(TupleDescAttr(desc, columns->seats - 1)->atttypid))
	{
		case INT2OID:
			return DatumGetInt16(seats);
		case INT4OID:
			return DatumGetInt32(seats);
		default:
			return DatumGetInt64(seats);
	}
}

/* False if it takes no time. */
static bool
read_row(const GuardColumns *columns, HeapTuple row, TupleDesc desc, Appointment *appointment)
{
	bool no_stylist;
	bool no_start;
	bool no_end;
	bool no_service = true;
	bool no_resource = true;
	bool forever = true;
	Datum stylist = heap_getattr(row, columns->stylist, desc, &no_stylist);
	Datum service = (Datum) 0;
	Datum resource = (Datum) 0;
	Datum expires = (Datum) 0;

	memset(appointment, 0, sizeof(*appointment));
	appointment->at.start = DatumGetTimestampTz(heap_getattr(row, columns->start, desc, &no_start));
	appointment->at.end = DatumGetTimestampTz(heap_getattr(row, columns->end, desc, &no_end));
	if (no_stylist || no_start || no_end || appointment->at.end <= appointment->at.start ||
		!takes_time(columns, row, desc))
		return false;
	if (columns->service != InvalidAttrNumber)
		service = heap_getattr(row, columns->service, desc, &no_service);
	if (columns->resource != InvalidAttrNumber)
		resource = heap_getattr(row, columns->resource, desc, &no_resource);
	if (columns->expires != InvalidAttrNumber)
		expires = heap_getattr(row, columns->expires, desc, &forever);
	appointment->stylist = *DatumGetUUIDP(stylist);
	appointment->has_service = !no_service;
	if (!no_service)
		appointment->service = *DatumGetUUIDP(service);
	appointment->has_resource = !no_resource;
	if (!no_resource)
		appointment->resource = *DatumGetUUIDP(resource);
	appointment->is_hold = columns->is_hold;
	appointment->seats = seats_of(columns, row, desc);
	appointment->expires = forever ? SLOT_NEVER : DatumGetTimestampTz(expires);
	return true;
}

/* Those that are not to be: of replication, unless a setting says so. */
static bool
is_guarded(void)
{
	if (SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA && !ac_guard_replicated)
		return false;
	return guard_rules()->mode != GUARD_OFF;
}

void
guard_row_trigger(const GuardColumns *columns, TriggerData *data)
{
	TupleDesc desc = RelationGetDescr(data->tg_relation);
	bool inserted = TRIGGER_FIRED_BY_INSERT(data->tg_event);
	bool updated = TRIGGER_FIRED_BY_UPDATE(data->tg_event);
	HeapTuple new_row = updated ? data->tg_newtuple : data->tg_trigtuple;
	Appointment before;
	Appointment after;
	bool was;
	bool is;

	if (!is_guarded())
		return;
	if (columns == NULL)
	{
		guard_unreadable_row_changes();
		return;
	}
	was = !inserted && read_row(columns, data->tg_trigtuple, desc, &before);
	is = (inserted || updated) && read_row(columns, new_row, desc, &after);
	guard_row_changes(was ? &before : NULL, is ? &after : NULL);
}
