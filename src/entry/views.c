/*
 * views.c
 *		The functions behind the views that DBAs look at.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/shmem.h"
#include "cache/cells.h"
#include "cache/counters.h"
#include "cache/prepared.h"
#include "cache/readpath.h"
#include "cache/store.h"
#include "entry/shown.h"
#include "slots/answer.h"
#include "slots/attachments.h"
#include "slots/key.h"
#include "table/state.h"

PG_FUNCTION_INFO_V1(availability_cache_stats);
PG_FUNCTION_INFO_V1(availability_cache_entries);
PG_FUNCTION_INFO_V1(availability_cache_attached);

static uint64
sum_counters(const uint64 *counts, Counter first, Counter last)
{
	uint64 sum = 0;

	for (int c = first; c <= (int) last; c++)
		sum += counts[c];
	return sum;
}

/* Columns in the order of the SQL declaration. */
static void
put_stats(ReturnSetInfo *rsinfo, const DatabaseCounters *db, int cells_pending)
{
	static const Counter detail[] = {COUNTER_MISS_ABSENT,		COUNTER_MISS_OUTDATED,
									 COUNTER_MISS_EXPIRED,		COUNTER_BYPASS_DISABLED,
									 COUNTER_BYPASS_OWN_WRITES, COUNTER_BYPASS_ISOLATION,
									 COUNTER_BYPASS_RECOVERY,	COUNTER_BYPASS_PREPARED,
									 COUNTER_BYPASS_PENDING,	COUNTER_BYPASS_TRIGGERS,
									 COUNTER_STORE_SKIPS,		COUNTER_WAITS,
									 COUNTER_WAIT_TIMEOUTS,		COUNTER_ERRORS,
									 COUNTER_TIER_HITS,			COUNTER_TIER_STORES,
									 COUNTER_TIER_LOGGED,		COUNTER_TIER_ERRORS};
	const char *breaker = breaker_state(db->dboid);
	Datum values[30];
	bool nulls[30] = {false};
	uint64 entries;
	uint64 bytes;
	int n = 0;

	store_usage(db->number, db->dboid, &entries, &bytes);
	nulls[n] = db->dboid == InvalidOid;
	values[n++] = ObjectIdGetDatum(db->dboid);
	values[n++] = Int64GetDatum(db->counts[COUNTER_HITS]);
	values[n++] = Int64GetDatum(sum_counters(db->counts, COUNTER_MISS_ABSENT, COUNTER_MISS_EXPIRED));
	values[n++] = Int64GetDatum(sum_counters(db->counts, COUNTER_BYPASS_DISABLED, COUNTER_BYPASS_TRIGGERS));
	values[n++] = Int64GetDatum(db->counts[COUNTER_STORES]);
	values[n++] = Int64GetDatum(db->counts[COUNTER_EVICTIONS]);
	values[n++] = Int64GetDatum(db->counts[COUNTER_INVALIDATIONS]);
	values[n++] = Int64GetDatum(entries);
	values[n++] = Int64GetDatum(bytes);
	for (int i = 0; i < lengthof(detail); i++)
		values[n++] = Int64GetDatum(db->counts[detail[i]]);
	nulls[n] = breaker == NULL;
	values[n++] = breaker == NULL ? (Datum) 0 : CStringGetTextDatum(breaker);
	values[n++] = Int32GetDatum(cells_pending);
	values[n++] = TimestampTzGetDatum(db->reset);
	put_shown_row(rsinfo, values, nulls, n);
}

PGDLLEXPORT Datum
availability_cache_stats(PG_FUNCTION_ARGS)
{
	DatabaseCounters *databases;
	int cells_pending;
	int n;

	shmem_require();
	InitMaterializedSRF(fcinfo, 0);
	databases = palloc(MAX_DATABASES * sizeof(DatabaseCounters));
	n = counters_read(databases);
	prepared_sweep();
	cells_pending = cells_count_pending();
	for (int i = 0; i < n; i++)
	{
		if (may_see_database(databases[i].dboid))
			put_stats((ReturnSetInfo *) fcinfo->resultinfo, &databases[i], cells_pending);
	}
	return (Datum) 0;
}

static void
put_entry(ReturnSetInfo *rsinfo, const StoredEntry *entry, const EntryInfo *info)
{
	DayKeyFixed key;
	AnswerHeader header = answer_header(entry->payload);
	char *zone;
	Datum values[10];
	bool nulls[10] = {false};

	day_key_open(&entry->key, &key, &zone);
	if (!may_see_database(key.dboid))
		return;
	values[0] = ObjectIdGetDatum(key.dboid);
	values[1] = UUIDPGetDatum(&key.stylist);
	values[2] = UUIDPGetDatum(&key.service);
	values[3] = DateADTGetDatum(key.date);
	nulls[4] = zone == NULL;
	values[4] = zone == NULL ? (Datum) 0 : CStringGetTextDatum(zone);
	values[5] = TimestampTzGetDatum(header.computed_at);
	values[6] = TimestampTzGetDatum(entry->valid_until);
	values[7] = BoolGetDatum(entry_is_current(entry));
	values[8] = BoolGetDatum(info->visited);
	values[9] = Int32GetDatum(info->bytes);
	put_shown_row(rsinfo, values, nulls, lengthof(values));
}

PGDLLEXPORT Datum
availability_cache_entries(PG_FUNCTION_ARGS)
{
	uint32 n;

	shmem_require();
	InitMaterializedSRF(fcinfo, 0);
	n = store_count_places();
	for (uint32 place = 0; place < n; place++)
	{
		StoredEntry entry;
		EntryInfo info;

		CHECK_FOR_INTERRUPTS();
		if (store_fetch_place(place, &entry, &info) && entry.key.format == FORMAT_DAY)
			put_entry((ReturnSetInfo *) fcinfo->resultinfo, &entry, &info);
	}
	return (Datum) 0;
}

static Datum
text_array(const char *const *texts, int n)
{
	Datum *datums = palloc(Max(n, 1) * sizeof(Datum));

	for (int i = 0; i < n; i++)
		datums[i] = CStringGetTextDatum(texts[i]);
	return PointerGetDatum(construct_array(datums, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* Columns in the order of the SQL declaration. */
static void
put_attachment(ReturnSetInfo *rsinfo, const Attachment *attachment)
{
	const RoleInfo *role = &source_roles[attachment->role];
	const char *names[MAX_ROLE_COLUMNS];
	const char *columns[MAX_ROLE_COLUMNS];
	const char *left_out[MAX_ROLE_COLUMNS];
	Datum values[6];
	bool nulls[6] = {false};
	int n = 0;
	int nleft_out = 0;

	for (int i = 0; role->columns[i].name != NULL; i++)
	{
		if (attachment->left_out[i])
			left_out[nleft_out++] = role->columns[i].name;
		if (attachment->columns[i] == NULL)
			continue;
		names[n] = role->columns[i].name;
		columns[n++] = attachment->columns[i];
	}
	values[0] = CStringGetTextDatum(role->name);
	values[1] = ObjectIdGetDatum(attachment->relid);
	values[2] = text_array(names, n);
	values[3] = text_array(columns, n);
	values[4] = text_array(left_out, nleft_out);
	nulls[5] = attachment->problem == NULL;
	values[5] = nulls[5] ? (Datum) 0 : CStringGetTextDatum(attachment->problem);
	put_shown_row(rsinfo, values, nulls, lengthof(values));
}

PGDLLEXPORT Datum
availability_cache_attached(PG_FUNCTION_ARGS)
{
	Oid function = attachments_function();
	List *attachments = OidIsValid(function) ? attachments_read(function) : NIL;
	ListCell *cell;

	InitMaterializedSRF(fcinfo, 0);
	foreach(cell, attachments)
		put_attachment((ReturnSetInfo *) fcinfo->resultinfo, lfirst(cell));
	return (Datum) 0;
}
