/*
 * rows.c
 *		Answers in tables: kinds of them, fetched and kept.
 *
 * What is answered is the row's column answer (sealed.c); the other columns
 * find the row and say the same for people; expires_at may be lowered by hand.
 *
 * Locking: see tables.c.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/full_xid.h"
#include "base/settings.h"
#include "base/test_hooks.h"
#include "cache/counters.h"
#include "table/rows.h"
#include "table/sealed.h"
#include "table/tables.h"
#include "table/trust.h"

/* By format. */
static const RowKind *kinds[ROW_MAX_FORMAT + 1];
/* By table. */
static bool was_full[TIER_NTABLES];

void
row_kind_register(const RowKind *kind)
{
	kinds[kind->format] = kind;
	if (kind->beside == NULL)
		tier_table_define(row_table(kind), &kind->table);
}

const RowKind *
row_kind(uint8 format)
{
	return format <= ROW_MAX_FORMAT ? kinds[format] : NULL;
}

TierTable
row_table(const RowKind *kind)
{
	return TIER_ROWS + (kind->beside != NULL ? kind->beside : kind)->format - 1;
}

bool
row_was_full(const RowKind *kind)
{
	bool was = was_full[row_table(kind)];

	was_full[row_table(kind)] = false;
	return was;
}

static Datum
snapshot_of(const RowKind *kind, TierRelation *rows, HeapTuple row)
{
	return PointerGetDatum(PG_DETOAST_DATUM_COPY(tier_column(rows, row, kind->snapshot)));
}

static RowScope
scope_of(const Sealed *sealed, Datum snapshot)
{
	return (RowScope){.tags = sealed->tags,
					  .ntags = sealed->ntags,
					  .format = sealed->key_format,
					  .definitions = sealed->definitions,
					  .log_state = sealed->log_state,
					  .snapshot = snapshot};
}

bool
row_scope(const RowKind *kind, TierRelation *rows, HeapTuple row, RowScope *scope)
{
	Sealed sealed;
	bool has_form = sealed_open(tier_column(rows, row, kind->answer), &sealed);

	if (!has_form)
		memset(&sealed, 0, sizeof(sealed));
	*scope = scope_of(&sealed, snapshot_of(kind, rows, row));
	return has_form;
}

/* ---- fetching ---- */

/* Takes a row's answer apart; false if it is not one that row_keep made for this key. */
static bool
open_row(const RowKind *kind, TierRelation *rows, HeapTuple row, const StoreKey *key, RowScope *scope,
		 Computed *result)
{
	Sealed sealed;

	if (!kind->is_of(rows, row, key) || !sealed_open(tier_column(rows, row, kind->answer), &sealed))
		return false;
	*scope = scope_of(&sealed, snapshot_of(kind, rows, row));
	if (!sealed_is_of(&sealed, key, scope->snapshot) || !kind->is_whole(sealed.payload, sealed.payload_size))
		return false;
	result->payload = unconstify(char *, sealed.payload);
	result->payload_size = sealed.payload_size;
	result->valid_from = sealed.valid_from;
	result->valid_until = Min(sealed.valid_until,
							  DatumGetTimestampTz(tier_column(rows, row, kind->expires_at)));
	result->keepable = true;
	result->tags = sealed.tags;
	result->ntags = sealed.ntags;
	return true;
}

static bool
find_row(const RowKind *kind, TierRelation *rows, const StoreKey *key, RowScope *scope, Computed *result)
{
	ScanKeyData keys[ROW_MAX_KEYS];
	int nkeys = kind->find(key, keys);
	SysScanDesc scan = tier_scan(rows, GetActiveSnapshot(), nkeys, keys);
	HeapTuple row = systable_getnext(scan);
	bool found = row != NULL && open_row(kind, rows, row, key, scope, result);

	systable_endscan(scan);
	return found;
}

/* Whether the row holds every change, which the definitions of now are part of. */
static bool
is_trusted(const RowKind *kind, const RowScope *scope)
{
	TierRelation since;
	TierRelation log;
	uint64 definitions;
	Trust trust;
	bool trusted;

	if (!kind->definitions(&definitions, false))
		return false;
	tier_open_or_fail(TIER_SINCE, AccessShareLock, &since);
	tier_open_or_fail(TIER_LOG, AccessShareLock, &log);
	trust = trust_look(&since, &log, GetActiveSnapshot(), definitions);
	trusted = trust_row(&trust, &log, GetActiveSnapshot(), scope);
	tier_close(&log);
	tier_close(&since);
	return trusted;
}

bool
row_fetch(const RowKind *kind, const StoreKey *key, Computed *result)
{
	TierRelation rows;
	RowScope scope;
	int64 now = cache_now();
	bool found;

	tier_open_or_fail(row_table(kind), AccessShareLock, &rows);
	found = find_row(kind, &rows, key, &scope, result);
	tier_close(&rows);
	return found && now >= result->valid_from && now < result->valid_until && is_trusted(kind, &scope);
}

/* ---- keeping ---- */

/* Deletes the row that this key finds, if there is one; false if another transaction is at it. */
static bool
remove_old(const RowKind *kind, TierRelation *rows, const StoreKey *key)
{
	ScanKeyData keys[ROW_MAX_KEYS];
	int nkeys = kind->find(key, keys);
	SnapshotData dirty;
	SysScanDesc scan;
	HeapTuple row;
	bool removed = true;

	InitDirtySnapshot(dirty);
	scan = tier_scan(rows, &dirty, nkeys, keys);
	while (removed && (row = systable_getnext(scan)) != NULL)
		removed = !TransactionIdIsValid(dirty.xmin) && !TransactionIdIsValid(dirty.xmax) &&
				  tier_delete(rows, &row->t_self);
	systable_endscan(scan);
	return removed;
}

static int
compare_xids(const void *a, const void *b)
{
	uint64 x = *(const uint64 *) a;
	uint64 y = *(const uint64 *) b;

	return x < y ? -1 : x > y;
}

/* A row names no more running transactions than this. */
#define MAX_RUNNING 64

/*
 * The active snapshot as a pg_snapshot in which this transaction, too, is
 * running: pg_current_snapshot() leaves it out, and whoever keeps a second
 * answer has a xid.  Where many are running, one that sees nothing from the
 * first of them on: the row is trusted less, never more.
 */
static Datum
seen_snapshot(void)
{
	Snapshot snapshot = GetActiveSnapshot();
	TransactionId own = GetTopTransactionIdIfAny();
	bool many = snapshot->xcnt > MAX_RUNNING;
	uint64 running[MAX_RUNNING + 1];
	int n = 0;
	StringInfoData text;

	for (uint32 i = 0; i < snapshot->xcnt && !many; i++)
		running[n++] = full_xid_of(snapshot->xip[i]);
	if (TransactionIdIsValid(own) && TransactionIdPrecedes(own, snapshot->xmax) && !many)
		running[n++] = full_xid_of(own);
	qsort(running, n, sizeof(uint64), compare_xids);
	initStringInfo(&text);
	appendStringInfo(&text, UINT64_FORMAT ":" UINT64_FORMAT ":", full_xid_of(snapshot->xmin),
					 full_xid_of(many ? snapshot->xmin : snapshot->xmax));
	for (int i = 0; i < n; i++)
		appendStringInfo(&text, "%s" UINT64_FORMAT, i == 0 ? "" : ",", running[i]);
	return DirectFunctionCall1(pg_snapshot_in, CStringGetDatum(text.data));
}

static uint64
log_state_now(void)
{
	TierRelation since;
	TierRelation log;
	uint64 state;

	tier_open_or_fail(TIER_SINCE, AccessShareLock, &since);
	tier_open_or_fail(TIER_LOG, AccessShareLock, &log);
	state = trust_log_state(&since, &log, GetActiveSnapshot());
	tier_close(&log);
	tier_close(&since);
	return state;
}

/*
 * A table grows to so many blocks, twice what memory has: rows that are gone need room
 * until VACUUM comes by.
 */
static bool
has_room(const RowKind *kind, TierRelation *rows)
{
	BlockNumber max_blocks = (int64) ac_shared_memory_kb * 2 * 1024 / BLCKSZ;

	if (!tier_is_full(rows, max_blocks))
		return true;
	was_full[row_table(kind)] = true;
	return false;
}

/* False if the kind does not want it. */
static bool
insert_row(const RowKind *kind, TierRelation *rows, const StoreKey *key, const Computed *result,
		   const RowScope *scope)
{
	Datum values[TIER_MAX_COLUMNS];
	bool nulls[TIER_MAX_COLUMNS] = {false};

	if (!kind->fill(key, result, values))
		return false;
	values[kind->expires_at - 1] = TimestampTzGetDatum(result->valid_until);
	values[kind->snapshot - 1] = scope->snapshot;
	values[kind->answer - 1] = sealed_make(key, result, scope);
	tier_insert(rows, values, nulls);
	counter_add(COUNTER_TIER_STORES, 1);
	return true;
}

bool
row_keep(const RowKind *kind, const StoreKey *key, uint64 definitions, const Computed *result)
{
	TierRelation rows;
	RowScope scope = {.tags = result->tags,
					  .ntags = result->ntags,
					  .definitions = definitions,
					  .log_state = log_state_now()};
	bool kept;

	tier_open_or_fail(row_table(kind), RowExclusiveLock, &rows);
	scope.snapshot = seen_snapshot();
	kept = !trust_ends_soon(&scope) && has_room(kind, &rows) && tier_claim(&rows, kind->claim(key)) &&
		   remove_old(kind, &rows, key) && insert_row(kind, &rows, key, result, &scope);
	tier_close(&rows);
	/* Later commands of this transaction may delete the row again. */
	CommandCounterIncrement();
	return kept;
}

/* ---- from memory ---- */

/* The entry as it was computed, with these tags. */
static Computed
computed_of_entry(const StoredEntry *entry, const Tag *tags)
{
	return (Computed){.tags = tags,
					  .ntags = entry->on.ncells,
					  .payload = unconstify(char *, entry->payload),
					  .payload_size = entry->payload_size,
					  .valid_from = entry->valid_from,
					  .valid_until = entry->valid_until};
}

static bool
is_of_this_database(const StoreKey *key)
{
	return key->size >= sizeof(Oid) && memcmp(key->bytes, &MyDatabaseId, sizeof(Oid)) == 0;
}

/*
 * An entry that is current, looked at after the snapshot was taken, is what
 * would be computed under it (see cache/readpath.c).
 */
static bool
keep_under_snapshot(const RowKind *kind, const StoredEntry *entry, uint64 definitions)
{
	Tag tags[MAX_DEPENDENCIES];
	Computed computed = computed_of_entry(entry, tags);

	if (!entry_is_current(entry) && !AC_MUTATED(AC_MUTANT_NO_WORD_CHECK))
		return true;
	if (!kind->definitions_hold(definitions))
		return false;
	if (cells_tags(&entry->on, tags))
		(void) row_keep(kind, &entry->key, definitions, &computed);
	return true;
}

bool
row_keep_place(uint32 place)
{
	const RowKind *kind;
	StoredEntry entry;
	EntryInfo info;
	uint64 definitions;
	bool told;

	if (!store_fetch_place(place, &entry, &info) || !is_of_this_database(&entry.key))
		return true;
	kind = row_kind(entry.key.format);
	if (kind == NULL || !kind->outlives_memory(entry.payload))
		return true;
	if (!kind->definitions(&definitions, false))
		return false;
	PushActiveSnapshot(GetLatestSnapshot());
	told = keep_under_snapshot(kind, &entry, definitions);
	PopActiveSnapshot();
	return told;
}
