/*
 * catalogs.c
 *		What this database's catalogs say of everything that answers may be made with, as one number.
 *
 * An answer of any function may rest on any definition, and nothing that DDL
 * would have to write is relied on (trust.c).  So the number is of the rows
 * of all catalogs that have definitions: where each lies, and which
 * transaction made it.  A definition that was changed and put back is another
 * row.  It is taken from all of them at once, since the catalogs are small and
 * definitions seldom change.
 *
 * Left out is what changes often and means nothing to an answer that is kept:
 * temporary relations, indexes, and of tables that have no trigger, which are
 * not watched, all but their names and columns.
 *
 * A session remembers the number until the next message of whatever catalog,
 * and counts no more than some of the time: others may make temporary tables
 * all the time, which send messages too.
 *
 * Locking: AccessShareLock on catalogs.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_am.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_amproc.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_auth_members.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_cast.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_conversion.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_language.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_partitioned_table.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_range.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_transform.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_ts_config.h"
#include "catalog/pg_ts_config_map.h"
#include "catalog/pg_ts_dict.h"
#include "catalog/pg_ts_parser.h"
#include "catalog/pg_ts_template.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/sinval.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/test_hooks.h"
#include "table/catalogs.h"

typedef struct Catalog
{
	Oid relid;
	AttrNumber relation; /* the column that says of which relation a row is; 0: none */
} Catalog;

/* Beside pg_class, pg_type and pg_namespace. */
static const Catalog catalogs[] = {{AttributeRelationId, Anum_pg_attribute_attrelid},
								   {AttrDefaultRelationId, Anum_pg_attrdef_adrelid},
								   {ConstraintRelationId, Anum_pg_constraint_conrelid},
								   {TriggerRelationId, Anum_pg_trigger_tgrelid},
								   {RewriteRelationId, Anum_pg_rewrite_ev_class},
								   {InheritsRelationId, Anum_pg_inherits_inhrelid},
								   {PolicyRelationId, 0},
								   {PartitionedRelationId, 0},
								   {ProcedureRelationId, 0},
								   {LanguageRelationId, 0},
								   {AggregateRelationId, 0},
								   {OperatorRelationId, 0},
								   {OperatorClassRelationId, 0},
								   {OperatorFamilyRelationId, 0},
								   {AccessMethodOperatorRelationId, 0},
								   {AccessMethodProcedureRelationId, 0},
								   {CastRelationId, 0},
								   {TransformRelationId, 0},
								   {EnumRelationId, 0},
								   {RangeRelationId, 0},
								   {CollationRelationId, 0},
								   {ConversionRelationId, 0},
								   {TSConfigRelationId, 0},
								   {TSConfigMapRelationId, 0},
								   {TSDictionaryRelationId, 0},
								   {TSParserRelationId, 0},
								   {TSTemplateRelationId, 0},
								   {AuthIdRelationId, 0},
								   {AuthMemRelationId, 0}};

/* What a count goes by. */
typedef struct Count
{
	Snapshot snapshot;
	HTAB *left;		 /* relations that are left out */
	List *temporary; /* namespaces */
	uint64 state;
} Count;

/* Where the row lies, and who made it. */
static void
add_row(Count *count, Oid catalog, HeapTuple row)
{
	uint32 version[3] = {HeapTupleHeaderGetRawXmin(row->t_data), ItemPointerGetBlockNumber(&row->t_self),
						 ItemPointerGetOffsetNumber(&row->t_self)};

	count->state += hash_bytes_extended((const unsigned char *) version, sizeof(version), catalog);
}

static void
for_each_row(Count *count, Oid catalog, void (*look)(Count *, const Catalog *, HeapTuple, Relation),
			 const Catalog *arg)
{
	Relation rel = table_open(catalog, AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, count->snapshot, 0, NULL);
	HeapTuple row;

	while ((row = systable_getnext(scan)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		look(count, arg, row, rel);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}

/* Of namespaces for temporary relations each session has one. */
static void
look_at_namespace(Count *count, const Catalog *unused, HeapTuple row, Relation rel)
{
	Form_pg_namespace form = (Form_pg_namespace) GETSTRUCT(row);

	if (strncmp(NameStr(form->nspname), "pg_temp_", 8) == 0 ||
		strncmp(NameStr(form->nspname), "pg_toast_temp_", 14) == 0)
		count->temporary = lappend_oid(count->temporary, form->oid);
	else
		add_row(count, NamespaceRelationId, row);
}

static bool
is_left_out(Form_pg_class form)
{
	return form->relpersistence == RELPERSISTENCE_TEMP || form->relkind == RELKIND_INDEX ||
		   form->relkind == RELKIND_PARTITIONED_INDEX || form->relkind == RELKIND_TOASTVALUE;
}

/* TRUNCATE and REFRESH make another row. */
static bool
may_be_watched(Form_pg_class form)
{
	return form->relhastriggers || (form->relkind != RELKIND_RELATION && form->relkind != RELKIND_MATVIEW);
}

/* It may hide another. */
static void
add_name(Count *count, Form_pg_class form)
{
	count->state += hash_bytes_extended((const unsigned char *) NameStr(form->relname),
										strlen(NameStr(form->relname)),
										(uint64) form->relnamespace << 32 | RelationRelationId);
}

static void
look_at_relation(Count *count, const Catalog *unused, HeapTuple row, Relation rel)
{
	Form_pg_class form = (Form_pg_class) GETSTRUCT(row);

	if (is_left_out(form))
		(void) hash_search(count->left, &form->oid, HASH_ENTER, NULL);
	else if (may_be_watched(form))
		add_row(count, RelationRelationId, row);
	else
		add_name(count, form);
}

static void
look_at_type(Count *count, const Catalog *unused, HeapTuple row, Relation rel)
{
	if (!list_member_oid(count->temporary, ((Form_pg_type) GETSTRUCT(row))->typnamespace))
		add_row(count, TypeRelationId, row);
}

static void
look_at_other(Count *count, const Catalog *catalog, HeapTuple row, Relation rel)
{
	bool isnull;
	Oid relid = catalog->relation == 0
					? InvalidOid
					: DatumGetObjectId(heap_getattr(row, catalog->relation, RelationGetDescr(rel), &isnull));

	if (hash_search(count->left, &relid, HASH_FIND, NULL) == NULL)
		add_row(count, catalog->relid, row);
}

/* The number under a snapshot. */
static uint64
count_under(Snapshot snapshot)
{
	HASHCTL control = {.keysize = sizeof(Oid), .entrysize = sizeof(Oid), .hcxt = CurrentMemoryContext};
	Count count = {.snapshot = snapshot};

	count.left = hash_create("availability_cache relations", 1024, &control,
							 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	for_each_row(&count, NamespaceRelationId, look_at_namespace, NULL);
	for_each_row(&count, RelationRelationId, look_at_relation, NULL);
	for_each_row(&count, TypeRelationId, look_at_type, NULL);
	for (int i = 0; i < lengthof(catalogs); i++)
		for_each_row(&count, catalogs[i].relid, look_at_other, &catalogs[i]);
	hash_destroy(count.left);
	list_free(count.temporary);
	return count.state;
}

/* What was counted last, after how many messages. */
static uint64 known_state;
static uint64 known_after = 0;
static bool is_known = false;
/* Counting takes at most one of so many microseconds of a session's life, beside the first ones. */
#define SHARE_OF_TIME 50
#define AT_ONCE (USECS_PER_SEC / 5)
static TimestampTz first_count = 0;
static int64 spent = 0;

static bool
may_count(void)
{
	TimestampTz now = GetCurrentTimestamp();

	if (first_count == 0)
		first_count = now;
	return spent < AT_ONCE + (now - first_count) / SHARE_OF_TIME;
}

static void
count_now(void)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "availability_cache catalogs",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	TimestampTz start = GetCurrentTimestamp();
	uint64 after = SharedInvalidMessageCounter;
	Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());

	/* A message that comes while it is counted makes it old. */
	is_known = false;
	known_state = count_under(snapshot);
	known_after = after;
	is_known = true;
	UnregisterSnapshot(snapshot);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	spent += GetCurrentTimestamp() - start;
}

bool
catalogs_are_the_same(void)
{
	AcceptInvalidationMessages();
	return is_known && (known_after == SharedInvalidMessageCounter || AC_MUTATED(AC_MUTANT_OLD_CATALOGS));
}

bool
catalogs_state(uint64 *state, bool must)
{
	if (!catalogs_are_the_same())
	{
		if (!must && !may_count())
			return false;
		count_now();
	}
	*state = known_state;
	return true;
}
