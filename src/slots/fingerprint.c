/*
 * fingerprint.c
 *		What the catalogs say of the attached tables, their partitions and the rules.
 *
 * Answers are kept only while each table has its triggers.  And all that
 * answers are made with is one number, the fingerprint: as long as it is the
 * same, answers that were computed before a change of the catalogs are those
 * that would be computed after it.  Rows that stand
 * for a change of data which no trigger sees (a trigger that was disabled and
 * is enabled again, a column that was rewritten, a partition that came back)
 * count by the transaction that wrote them, so that what was is never again;
 * others by what they say.  A relation without a TRUNCATE trigger of ours (a
 * partition that came after attach()) counts with its file, which TRUNCATE
 * replaces.  Names are no part of it: queries are written anew.
 *
 * The catalogs are read by their own indexes, and no relation is locked: a
 * change of one that is not seen yet sends a message.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "slots/attachments.h"
#include "slots/fingerprint.h"

typedef struct Reading
{
	Relation pg_inherits;
	Relation pg_trigger;
	Relation pg_attribute;
	Relation pg_enum;
	Oid function;
	CatalogFacts *facts;
} Reading;

/* What a fact is about: in the fingerprint none is taken for one of another kind. */
typedef enum FactKind
{
	FACT_RELATION,
	FACT_FILE,
	FACT_CHILD,
	FACT_TRIGGER,
	FACT_COLUMN,
	FACT_LABEL
} FactKind;

#define MAX_FACT 12

/* Facts come in any order. */
static void
add_fact(Reading *reading, FactKind kind, const uint32 *values, int n, const char *text)
{
	uint32 fact[MAX_FACT + 1] = {kind};
	uint64 hash;

	memcpy(&fact[1], values, n * sizeof(uint32));
	hash = hash_bytes_extended((const unsigned char *) fact, (n + 1) * sizeof(uint32), 0);
	if (text != NULL)
		hash = hash_bytes_extended((const unsigned char *) text, strlen(text), hash);
	reading->facts->fingerprint += hash;
}

#define ADD_FACT(reading, kind, ...) \
	add_fact(reading, kind, (const uint32[]){__VA_ARGS__}, lengthof(((const uint32[]){__VA_ARGS__})), NULL)

/* ---- scans of catalogs by one key ---- */

typedef void (*TupleVisitor)(Reading *reading, HeapTuple tuple, void *arg);

static void
scan(Reading *reading, Relation catalog, Oid index, AttrNumber column, Oid key, TupleVisitor visit, void *arg)
{
	ScanKeyData scan_key;
	SysScanDesc desc;
	HeapTuple tuple;

	ScanKeyInit(&scan_key, column, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(key));
	desc = systable_beginscan(catalog, index, true, GetActiveSnapshot(), 1, &scan_key);
	while ((tuple = systable_getnext(desc)) != NULL)
		visit(reading, tuple, arg);
	systable_endscan(desc);
}

/* ---- triggers ---- */

typedef struct TriggersFound
{
	bool row;
	bool truncate;
} TriggersFound;

#define ROW_TRIGGER (TRIGGER_TYPE_ROW | TRIGGER_TYPE_INSERT | TRIGGER_TYPE_UPDATE | TRIGGER_TYPE_DELETE)

static void
visit_trigger(Reading *reading, HeapTuple tuple, void *arg)
{
	Form_pg_trigger form = (Form_pg_trigger) GETSTRUCT(tuple);
	TriggersFound *found = arg;

	if (!form->tgisinternal)
		ADD_FACT(reading, FACT_TRIGGER, form->oid, HeapTupleHeaderGetRawXmin(tuple->t_data));
	if (form->tgfoid != reading->function || form->tgenabled != TRIGGER_FIRES_ALWAYS ||
		form->tgattr.dim1 > 0 ||
		!heap_attisnull(tuple, Anum_pg_trigger_tgqual, RelationGetDescr(reading->pg_trigger)))
		return;
	found->row = found->row || form->tgtype == ROW_TRIGGER;
	found->truncate = found->truncate || form->tgtype == TRIGGER_TYPE_TRUNCATE;
}

/* A partition needs no TRUNCATE trigger: its file stands for it. */
static void
visit_triggers(Reading *reading, Form_pg_class rel, bool counts, bool is_child)
{
	TriggersFound found = {false, false};

	scan(reading, reading->pg_trigger, TriggerRelidNameIndexId, Anum_pg_trigger_tgrelid, rel->oid,
		 visit_trigger, &found);
	if (counts && !(found.row && (found.truncate || is_child)))
		reading->facts->tracked = false;
	if (!found.truncate)
		ADD_FACT(reading, FACT_FILE, rel->oid, rel->relfilenode);
}

/* ---- columns ---- */

static void
visit_label(Reading *reading, HeapTuple tuple, void *arg)
{
	Form_pg_enum form = (Form_pg_enum) GETSTRUCT(tuple);

	add_fact(reading, FACT_LABEL, &form->oid, 1, NameStr(form->enumlabel));
}

static void
visit_column(Reading *reading, HeapTuple tuple, void *arg)
{
	Form_pg_attribute form = (Form_pg_attribute) GETSTRUCT(tuple);
	List **types = arg;

	if (form->attnum <= 0)
		return;
	ADD_FACT(reading, FACT_COLUMN, form->attrelid, form->attnum, HeapTupleHeaderGetRawXmin(tuple->t_data));
	if (OidIsValid(form->atttypid))
		*types = list_append_unique_oid(*types, form->atttypid);
}

/* Partitions have their parents' columns. */
static void
visit_columns(Reading *reading, Oid relid)
{
	List *types = NIL;
	ListCell *cell;

	scan(reading, reading->pg_attribute, AttributeRelidNumIndexId, Anum_pg_attribute_attrelid, relid,
		 visit_column, &types);
	foreach(cell, types)
	{
		Oid type = getBaseType(lfirst_oid(cell));

		if (type_is_enum(type))
			scan(reading, reading->pg_enum, EnumTypIdLabelIndexId, Anum_pg_enum_enumtypid, type, visit_label,
				 NULL);
	}
}

/* ---- relations ---- */

/* Who reads it, and whether they see all of it. */
static void
add_relation(Reading *reading, Form_pg_class rel)
{
	HeapTuple owner = SearchSysCache1(AUTHOID, ObjectIdGetDatum(rel->relowner));
	bool super = false;
	bool bypasses = false;

	if (HeapTupleIsValid(owner))
	{
		super = ((Form_pg_authid) GETSTRUCT(owner))->rolsuper;
		bypasses = ((Form_pg_authid) GETSTRUCT(owner))->rolbypassrls;
		ReleaseSysCache(owner);
	}
	ADD_FACT(reading, FACT_RELATION, rel->oid, rel->relkind, rel->relpersistence, rel->relowner,
			 rel->relrowsecurity, rel->relforcerowsecurity, super, bypasses,
			 pg_class_aclcheck(rel->oid, rel->relowner, ACL_SELECT) == ACLCHECK_OK,
			 AC_MAY_USE_SCHEMA(rel->relnamespace, rel->relowner),
			 AC_MAY_EXECUTE(reading->function, rel->relowner));
}

static void
visit_child(Reading *reading, HeapTuple tuple, void *arg)
{
	Form_pg_inherits form = (Form_pg_inherits) GETSTRUCT(tuple);
	List **children = arg;

	ADD_FACT(reading, FACT_CHILD, form->inhparent, form->inhrelid, HeapTupleHeaderGetRawXmin(tuple->t_data));
	*children = lappend_oid(*children, form->inhrelid);
}

static void visit_relation(Reading *reading, Oid relid, bool counts, bool is_child);

/* Children by inheritance are read, but have no triggers of ours; partitions do. */
static void
visit_children(Reading *reading, Oid relid, bool counts)
{
	List *children = NIL;
	ListCell *cell;

	scan(reading, reading->pg_inherits, InheritsParentIndexId, Anum_pg_inherits_inhparent, relid, visit_child,
		 &children);
	foreach(cell, children)
		visit_relation(reading, lfirst_oid(cell), counts, true);
}

static void
visit_relation(Reading *reading, Oid relid, bool counts, bool is_child)
{
	CatalogFacts *facts = reading->facts;
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	FormData_pg_class rel;

	if (!HeapTupleIsValid(tuple))
		return;
	rel = *(Form_pg_class) GETSTRUCT(tuple);
	ReleaseSysCache(tuple);
	if (list_member_oid(facts->relids, relid))
		return;
	facts->relids = lappend_oid(facts->relids, relid);
	add_relation(reading, &rel);
	facts->logged = facts->logged && rel.relpersistence == RELPERSISTENCE_PERMANENT;
	if (rel.relkind == RELKIND_FOREIGN_TABLE || (is_child && !rel.relispartition))
		facts->tracked = false;
	visit_triggers(reading, &rel, counts, is_child);
	if (!is_child)
		visit_columns(reading, relid);
	if (rel.relhassubclass)
		visit_children(reading, relid, counts);
}

/* ---- the rules' trigger ---- */

static void
visit_rules_trigger(Reading *reading, HeapTuple tuple, void *arg)
{
	Form_pg_trigger form = (Form_pg_trigger) GETSTRUCT(tuple);
	bool *found = arg;

	if (strcmp(NameStr(form->tgname), "rules_changed") == 0 && form->tgenabled == TRIGGER_FIRES_ALWAYS)
		*found = true;
}

static void
visit_rules(Reading *reading, Oid rules)
{
	bool found = false;

	visit_relation(reading, rules, false, false);
	scan(reading, reading->pg_trigger, TriggerRelidNameIndexId, Anum_pg_trigger_tgrelid, rules,
		 visit_rules_trigger, &found);
	if (!found)
		reading->facts->tracked = false;
}

static void
visit_attached(Reading *reading, List *attachments, bool counts)
{
	ListCell *cell;

	foreach(cell, attachments)
	{
		const Attachment *attachment = lfirst(cell);

		if ((attachment->problem == NULL) == counts)
			visit_relation(reading, attachment->relid, counts, false);
	}
}

static void
visit_all(Reading *reading, List *attachments, Oid rules)
{
	visit_attached(reading, attachments, true);
	/* Of those that do not count changes matter too: their owners may get the right. */
	visit_attached(reading, attachments, false);
	visit_rules(reading, rules);
}

void
facts_read(List *attachments, Oid rules, Oid trigger_function, CatalogFacts *facts)
{
	Reading reading = {.function = trigger_function, .facts = facts};

	*facts = (CatalogFacts){.tracked = true, .logged = true};
	reading.pg_inherits = table_open(InheritsRelationId, AccessShareLock);
	reading.pg_trigger = table_open(TriggerRelationId, AccessShareLock);
	reading.pg_attribute = table_open(AttributeRelationId, AccessShareLock);
	reading.pg_enum = table_open(EnumRelationId, AccessShareLock);
	visit_all(&reading, attachments, rules);
	table_close(reading.pg_enum, AccessShareLock);
	table_close(reading.pg_attribute, AccessShareLock);
	table_close(reading.pg_trigger, AccessShareLock);
	table_close(reading.pg_inherits, AccessShareLock);
}
