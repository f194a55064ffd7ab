/*
 * outdated.c
 *		What this transaction outdates in clients' caches.
 *
 * Noted by the triggers and by those who let answers go, if anybody is told
 * (http_outdated.c, notify.c), until the transaction is over.  What a rolled
 * back savepoint outdated stays: a client asks once too often.
 *
 * Locking: none; this backend's own.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "nodes/parsenodes.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/settings.h"
#include "base/utility.h"
#include "entry/outdated.h"

static Outdated outdated;
static bool any = false;

static void outdated_xact_callback(XactEvent event, void *arg);

/* Watched tables have no trigger for it, and there is no telling what goes with them. */
static void
note_truncate(const Node *statement)
{
	ListCell *cell;

	if (!IsA(statement, TruncateStmt))
		return;
	foreach(cell, ((const TruncateStmt *) statement)->relations)
	{
		Oid relid = RangeVarGetRelid(lfirst_node(RangeVar, cell), NoLock, true);

		if (OidIsValid(relid) && get_rel_persistence(relid) != RELPERSISTENCE_TEMP)
			outdated_everything();
	}
}

void
outdated_init(void)
{
	RegisterXactCallback(outdated_xact_callback, NULL);
	utility_notify(note_truncate);
}

static void
outdated_xact_callback(XactEvent event, void *arg)
{
	if (any && (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE))
	{
		memset(&outdated, 0, offsetof(Outdated, stylists));
		outdated.nservices = outdated.ntables = outdated.nfunctions = 0;
		any = false;
	}
}

const Outdated *
outdated_now(void)
{
	return any ? &outdated : NULL;
}

bool
outdated_is_told(void)
{
	return ac_http_headers || ac_notify != NOTIFY_OFF;
}

/* Then there is something to tell. */
static bool
told(void)
{
	if (!outdated_is_told())
		return false;
	any = true;
	return true;
}

void
outdated_everything(void)
{
	if (told())
		outdated.everything = true;
}

/* ---- the slots ---- */

void
outdated_slots(void)
{
	if (told())
		outdated.all_slots = true;
}

void
outdated_service(const pg_uuid_t *service)
{
	if (!told())
		return;
	for (int i = 0; i < outdated.nservices; i++)
	{
		if (memcmp(&outdated.services[i], service, UUID_LEN) == 0)
			return;
	}
	if (outdated.nservices < OUTDATED_MAX)
		outdated.services[outdated.nservices++] = *service;
	else
		outdated.all_slots = true;
}

/* NULL: there are too many. */
static OutdatedStylist *
stylist_noted(const pg_uuid_t *id, bool *is_new)
{
	*is_new = false;
	for (int i = 0; i < outdated.nstylists; i++)
	{
		if (memcmp(&outdated.stylists[i].id, id, UUID_LEN) == 0)
			return &outdated.stylists[i];
	}
	if (outdated.nstylists == OUTDATED_MAX)
	{
		outdated.all_slots = true;
		return NULL;
	}
	*is_new = true;
	outdated.stylists[outdated.nstylists] = (OutdatedStylist){.id = *id};
	return &outdated.stylists[outdated.nstylists++];
}

void
outdated_stylist(const pg_uuid_t *id)
{
	OutdatedStylist *stylist;
	bool is_new;

	if (told() && (stylist = stylist_noted(id, &is_new)) != NULL)
		stylist->every_day = true;
}

/* A stylist's days are told as one stretch, from the first to the last. */
void
outdated_days(const pg_uuid_t *id, int64 first, int64 last)
{
	OutdatedStylist *stylist;
	bool is_new;

	if (!told() || (stylist = stylist_noted(id, &is_new)) == NULL)
		return;
	stylist->first = is_new ? first : Min(stylist->first, first);
	stylist->last = is_new ? last : Max(stylist->last, last);
}

/* ---- watched tables ---- */

/* What callers know it as. */
static Oid
table_of(Relation rel)
{
	Oid root = RelationGetRelid(rel);
	List *ancestors;

	if (!rel->rd_rel->relispartition)
		return root;
	ancestors = get_partition_ancestors(root);
	if (ancestors != NIL)
		root = llast_oid(ancestors);
	list_free(ancestors);
	return root;
}

/* NULL: there are too many. */
static OutdatedTable *
table_noted(Oid relid)
{
	for (int i = 0; i < outdated.ntables; i++)
	{
		if (outdated.tables[i].relid == relid)
			return &outdated.tables[i];
	}
	if (outdated.ntables == OUTDATED_MAX_TABLES)
	{
		outdated.all_tables = true;
		return NULL;
	}
	outdated.tables[outdated.ntables].relid = relid;
	outdated.tables[outdated.ntables].ncolumns = 0;
	return &outdated.tables[outdated.ntables++];
}

static OutdatedColumn *
column_noted(OutdatedTable *table, AttrNumber number)
{
	OutdatedColumn *column;

	for (int i = 0; i < table->ncolumns; i++)
	{
		if (table->columns[i].number == number)
			return &table->columns[i];
	}
	if (table->ncolumns == MAX_KEY_COLUMNS)
		return NULL;
	column = &table->columns[table->ncolumns++];
	column->number = number;
	column->any = false;
	column->n = 0;
	return column;
}

/* Of types whose text is the same whatever is set; NULL: it is not told. */
static char *
value_text(Oid type, Datum value)
{
	Oid base = getBaseType(type);
	Oid output;
	bool is_varlena;
	char *text;

	if (base != UUIDOID && base != INT2OID && base != INT4OID && base != INT8OID && base != TEXTOID &&
		base != VARCHAROID && !type_is_enum(base))
		return NULL;
	getTypeOutputInfo(base, &output, &is_varlena);
	text = OidOutputFunctionCall(output, value);
	return strlen(text) > OUTDATED_MAX_LENGTH ? NULL : text;
}

static void
add_value(OutdatedColumn *column, const char *text)
{
	if (text == NULL)
	{
		column->any = true;
		return;
	}
	for (int i = 0; i < column->n; i++)
	{
		if (strcmp(column->values[i], text) == 0)
			return;
	}
	if (column->n == OUTDATED_MAX_VALUES)
		column->any = true;
	else
		column->values[column->n++] = MemoryContextStrdup(TopTransactionContext, text);
}

static void
add_row(OutdatedTable *table, Relation rel, const KeyColumns *keys, HeapTuple row)
{
	TupleDesc desc = RelationGetDescr(rel);

	for (int i = 0; i < keys->n; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, keys->columns[i] - 1);
		OutdatedColumn *column = column_noted(table, get_attnum(table->relid, NameStr(att->attname)));
		bool isnull;
		Datum value = heap_getattr(row, keys->columns[i], desc, &isnull);

		/* No answer depends on a column's being NULL by its value. */
		if (column != NULL && !isnull && !column->any)
			add_value(column, value_text(att->atttypid, value));
	}
}

void
outdated_row(Relation rel, const KeyColumns *keys, HeapTuple row)
{
	OutdatedTable *table;

	if (told() && (table = table_noted(table_of(rel))) != NULL)
		add_row(table, rel, keys, row);
}

void
outdated_function(Oid function)
{
	if (!told())
		return;
	for (int i = 0; i < outdated.nfunctions; i++)
	{
		if (outdated.functions[i] == function)
			return;
	}
	if (outdated.nfunctions < OUTDATED_MAX)
		outdated.functions[outdated.nfunctions++] = function;
	else
		outdated.all_functions = true;
}
