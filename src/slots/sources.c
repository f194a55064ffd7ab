/*
 * sources.c
 *		The attached tables: which they are, and what their columns are called.
 *
 * The mapping (attachments.c) is loaded once per session and again after a
 * relcache message of any table that matters (the attached tables, their
 * partitions and rules) or one of the syscaches that sources_init names.  A
 * table may be attached that did not matter before: so after a message of any
 * other relation the triggers are counted before the mapping is used again.
 * Invalidations are accepted after the version clock is
 * read and before the snapshot is taken, and a writer moves the clock on
 * after it has sent its own; so no answer is kept that was made with an
 * older mapping than its clock says.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "base/as_user.h"
#include "base/members.h"
#include "base/relcache.h"
#include "base/shmem.h"
#include "base/test_hooks.h"
#include "cache/cells.h"
#include "cache/definitions.h"
#include "slots/attachments.h"
#include "slots/fingerprint.h"
#include "slots/result.h"
#include "slots/sources.h"

typedef struct Source
{
	bool attached;
	Oid relid;
	Oid owner;
	const char *name;						/* in full, quoted */
	SourceColumn columns[MAX_ROLE_COLUMNS]; /* as the role's; name is NULL where it has none */
} Source;

/* The mapping.  Strings and the watched relations live in mapping_context. */
static MemoryContext mapping_context = NULL;
static Source sources[SOURCE_NROLES];
static bool mapping_valid = false;
/* Of the triggers, and of what was asked since: whether they are still those. */
static Oid trigger_function = InvalidOid;
static uint32 function_hash = 0;
static uint64 fingerprint = 0;
static bool counted = false;
static bool mapping_tracked = false;
static bool mapping_logged = false;
static uint64 generation = 0;
static Oid *watched = NULL;
static int nwatched = 0;
static Definitions definitions;
/* The version clock before it was loaded. */
static uint64 loaded_at = NO_CLOCK;
/* The last generation that held under a snapshot which something was computed under. */
static uint64 held_generation = 0;
/* How many use it, in nested calls. */
static int users = 0;

static bool
is_watched(Oid relid)
{
	for (int i = 0; i < nwatched; i++)
	{
		if (watched[i] == relid)
			return true;
	}
	return false;
}

static void
forget_mapping_of_relation(Oid relid)
{
	counted = false;
	if (!mapping_valid || !OidIsValid(relid) || is_watched(relid))
		mapping_valid = false;
}

static void
forget_mapping(Datum arg, int cacheid, uint32 hashvalue)
{
	mapping_valid = false;
}

/* Who may call the trigger function may have changed. */
static void
forget_mapping_of_function(Datum arg, int cacheid, uint32 hashvalue)
{
	if (hashvalue == 0 || hashvalue == function_hash)
		mapping_valid = false;
}

void
sources_init(void)
{
	relcache_notify(forget_mapping_of_relation);
	/* A renamed schema is in the text of the queries; of an owner, BYPASSRLS and what it may call were looked at. */
	CacheRegisterSyscacheCallback(NAMESPACEOID, forget_mapping, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHOID, forget_mapping, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHMEMMEMROLE, forget_mapping, (Datum) 0);
	CacheRegisterSyscacheCallback(PROCOID, forget_mapping_of_function, (Datum) 0);
	/* Queries leave out statuses that an enum does not have. */
	CacheRegisterSyscacheCallback(ENUMOID, forget_mapping, (Datum) 0);
}

/* Whether the mapping is that of now. */
static bool
is_valid(void)
{
	/* Messages tell of what is watched; that definitions changed may be all that tells of the rest. */
	if (definitions_are_newer(loaded_at) && !AC_MUTATED(AC_MUTANT_MESSAGES_BEFORE_CLOCK))
		mapping_valid = false;
	if (mapping_valid && !counted)
	{
		counted = true;
		if (attachments_fingerprint(trigger_function) != fingerprint)
			mapping_valid = false;
	}
	return mapping_valid;
}

/* A query over the attached relations, which are $1. */
static void
run_select(const char *query, Datum relations)
{
	Oid type = OIDARRAYOID;

	if (SPI_execute_with_args(query, 1, &type, &relations, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "query failed: %s", query);
}

/* ---- loading the mapping ---- */

static void
drop_mapping(void)
{
	memset(sources, 0, sizeof(sources));
	watched = NULL;
	nwatched = 0;
	memset(&definitions, 0, sizeof(definitions));
	if (mapping_context == NULL)
		mapping_context = AllocSetContextCreate(TopMemoryContext, "availability_cache mapping", ALLOCSET_SMALL_SIZES);
	MemoryContextReset(mapping_context);
}

/* Fills in what the catalogs say of the relation.  Called in mapping_context. */
static void
describe_relation(Source *source, Oid relid)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Form_pg_class rel;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("an attached table no longer exists"),
				errhint("Run SELECT availability_cache.detach(), then attach the tables that are there."));
	rel = (Form_pg_class) GETSTRUCT(tuple);
	source->attached = true;
	source->relid = relid;
	source->owner = rel->relowner;
	source->name = quote_qualified_identifier(get_namespace_name(rel->relnamespace), NameStr(rel->relname));
	ReleaseSysCache(tuple);
	if (check_enable_rls(relid, source->owner, true) == RLS_ENABLED)
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("row-level security of table %s is forced upon its owner", source->name),
				errhint("Answers are computed as the table's owner and must see every row: take away FORCE ROW LEVEL "
						"SECURITY, or give the owner BYPASSRLS."));
}

/* Fills in what the catalogs say of the column that plays the role's i-th.  Called in mapping_context. */
static void
describe_column(Source *source, const RoleColumn *wanted, SourceColumn *column, const char *name)
{
	AttrNumber attnum = name == NULL ? InvalidAttrNumber : get_attnum(source->relid, name);
	HeapTuple tuple;

	if (name == NULL && !wanted->required)
		return;
	if (attnum <= 0)
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("table %s no longer has its column \"%s\"", source->name, name == NULL ? wanted->name : name),
				errhint("Run availability_cache.attach() for it again, with its present columns."));
	column->name = pstrdup(name);
	column->quoted = pstrdup(quote_identifier(name));
	column->type = getBaseType(get_atttype(source->relid, attnum));
	if (!column_kind_fits(wanted->kind, column->type))
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("column \"%s\" of table %s is of type %s, which cannot serve as \"%s\"", name, source->name,
					   format_type_be(column->type), wanted->name),
				errhint("Change its type back, or run availability_cache.attach() with another column."));
	tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(source->relid), Int16GetDatum(attnum));
	if (HeapTupleIsValid(tuple))
	{
		column->not_null = ((Form_pg_attribute) GETSTRUCT(tuple))->attnotnull;
		ReleaseSysCache(tuple);
	}
}

static void
describe(const Attachment *attachment)
{
	const RoleInfo *role = &source_roles[attachment->role];
	Source *source = &sources[attachment->role];

	describe_relation(source, attachment->relid);
	for (int i = 0; role->columns[i].name != NULL; i++)
		describe_column(source, &role->columns[i], &source->columns[i], attachment->columns[i]);
}

/* A table that is attached and does not count may be one that answers cannot go without. */
static void
refuse(const Attachment *attachment)
{
	const char *name = quote_qualified_identifier(get_namespace_name(get_rel_namespace(attachment->relid)),
												  get_rel_name(attachment->relid));

	ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("table %s is attached as %s, but %s", name, source_roles[attachment->role].name,
				   attachment->problem),
			attachment->allowed
				? errhint("Run availability_cache.attach() for the right one, or drop the other's triggers.")
				: errhint("GRANT EXECUTE ON FUNCTION private.invalidate_availability_cache() to the owner, or give the "
						  "table to another, or drop its triggers."));
}

static void
describe_attachments(List *attachments)
{
	MemoryContext caller = MemoryContextSwitchTo(mapping_context);
	ListCell *cell;

	foreach(cell, attachments)
	{
		const Attachment *attachment = lfirst(cell);

		if (attachment->problem == NULL)
			describe(attachment);
		else if (attachment->allowed)
			refuse(attachment);
	}
	foreach(cell, attachments)
	{
		if (!sources[((const Attachment *) lfirst(cell))->role].attached)
			refuse(lfirst(cell));
	}
	MemoryContextSwitchTo(caller);
}

/* As it stands in SQL.  A member, and BEGIN ATOMIC: whatever names mean now, it does what it did. */
static char *
own_function(const char *name)
{
	Oid function = member_find(ProcedureRelationId, name);

	if (!OidIsValid(function))
		elog(ERROR, "the extension has no function %s", name);
	return member_name(ProcedureRelationId, function);
}

static void
load_trigger_state(Datum relations, Oid rules)
{
	run_select(psprintf("SELECT %s(r) FROM pg_catalog.unnest($1) AS a(r)", own_function("trigger_state")), relations);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		if (strcmp(result_text(i, 1), "enabled") != 0)
			mapping_tracked = false;
	}
	run_select(psprintf("SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid OPERATOR(pg_catalog.=) %u"
						" AND t.tgname OPERATOR(pg_catalog.=) 'rules_changed'"
						" AND t.tgenabled OPERATOR(pg_catalog.=) 'A'",
						rules),
			   relations);
	if (SPI_processed == 0)
		mapping_tracked = false;
}

/* Children by inheritance are read, but have no triggers of ours; partitions do. */
static void
load_watched(Datum relations, Oid rules)
{
	run_select(psprintf("SELECT c.oid, c.relpersistence OPERATOR(pg_catalog.=) 'p', w.child"
						" FROM (SELECT t.relid, false FROM pg_catalog.unnest($1) AS a(r), LATERAL %s(a.r) AS t(relid)"
						" UNION ALL SELECT i.inhrelid, true FROM pg_catalog.pg_inherits i"
						" WHERE i.inhparent OPERATOR(pg_catalog.=) ANY ($1)"
						" UNION ALL SELECT %u::pg_catalog.oid, false) w(relid, child)"
						" JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) w.relid"
						" WHERE NOT (w.child AND c.relispartition)",
						own_function("relation_tree"), rules),
			   relations);
	watched = MemoryContextAlloc(mapping_context, SPI_processed * sizeof(Oid));
	mapping_logged = true;
	mapping_tracked = true;
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool isnull;

		watched[nwatched++] = DatumGetObjectId(result_datum(i, 1, &isnull));
		mapping_logged = mapping_logged && result_bool(i, 2, false);
		mapping_tracked = mapping_tracked && !result_bool(i, 3, true);
	}
}

static void
load_definitions(void)
{
	Tag *tags = MemoryContextAlloc(mapping_context, (nwatched + 1) * sizeof(Tag));

	for (int i = 0; i < nwatched; i++)
		tags[i] = tag_of_relation(MyDatabaseId, watched[i]);
	tags[nwatched] = tag_of_function(MyDatabaseId, function_hash);
	definitions.tags = tags;
	definitions.ntags = nwatched + 1;
	definitions.fingerprint = fingerprint_of(watched, nwatched, trigger_function);
}

/* Of those that do not count changes matter too: their owners may get the right. */
static Datum
relations_of(List *attachments, bool counting_only)
{
	Datum *oids = palloc((list_length(attachments) + 1) * sizeof(Datum));
	int n = 0;
	ListCell *cell;

	foreach(cell, attachments)
	{
		const Attachment *attachment = lfirst(cell);

		if (attachment->problem == NULL || !counting_only)
			oids[n++] = ObjectIdGetDatum(attachment->relid);
	}
	return PointerGetDatum(construct_array(oids, n, OIDOID, sizeof(Oid), true, TYPALIGN_INT));
}

static void
describe_rules(Oid relid, Oid owner)
{
	MemoryContext caller = MemoryContextSwitchTo(mapping_context);

	sources[SOURCE_RULES] = (Source){.attached = true, .relid = relid, .owner = owner};
	sources[SOURCE_RULES].name = member_name(RelationRelationId, relid);
	MemoryContextSwitchTo(caller);
}

static void
load(void)
{
	Oid owner = members_owner();
	Oid rules = member_find(RelationRelationId, "rules");
	List *attachments;
	SavedUser saved;

	trigger_function = attachments_function();
	if (!OidIsValid(owner) || !OidIsValid(rules) || !OidIsValid(trigger_function))
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("the extension availability_cache is not whole: a member is missing, or not its owner's"),
				errhint("ALTER EXTENSION availability_cache ADD puts back what was taken out of it."));
	function_hash = GetSysCacheHashValue1(PROCOID, ObjectIdGetDatum(trigger_function));
	counted = true;
	fingerprint = attachments_fingerprint(trigger_function);
	attachments = attachments_read(trigger_function);
	saved = switch_user(owner);
	load_watched(relations_of(attachments, false), rules);
	load_trigger_state(relations_of(attachments, true), rules);
	load_definitions();
	restore_user(saved);
	describe_attachments(attachments);
	describe_rules(rules, owner);
}

void
sources_load(void)
{
	/* A computation within a computation leaves alone what that one uses, and is not kept. */
	if (users > 0 || is_valid())
		return;
	drop_mapping();
	loaded_at = ac_shared_memory_ready ? cells_clock() : NO_CLOCK;
	/* Invalidations from here on count. */
	mapping_valid = true;
	generation++;
	PG_TRY();
	{
		/* The mapping outlives this transaction, whose snapshot may be old. */
		PushActiveSnapshot(GetLatestSnapshot());
		load();
		PopActiveSnapshot();
	}
	PG_CATCH();
	{
		mapping_valid = false;
		PG_RE_THROW();
	}
	PG_END_TRY();
	for (int r = 0; r < SOURCE_NROLES; r++)
	{
		if (!source_roles[r].required || sources[r].attached)
			continue;
		mapping_valid = false;
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("no table is attached as %s", source_roles[r].name),
				errhint("Run SELECT * FROM availability_cache.attach()."));
	}
}

/* A partitioned table may have an attached one among its partitions. */
bool
sources_concerned(Oid relid)
{
	return !is_valid() || is_watched(relid) || get_rel_relkind(relid) == RELKIND_PARTITIONED_TABLE;
}

bool
sources_tracked(void)
{
	return mapping_valid && mapping_tracked;
}

bool
sources_confirm(uint64 clock)
{
	return mapping_valid && clock != NO_CLOCK && definitions_confirm(&definitions, clock);
}

bool
sources_fingerprint(uint64 *said)
{
	if (!is_valid() || !mapping_tracked || !mapping_logged)
		return false;
	*said = definitions.fingerprint;
	return true;
}

bool
sources_hold(void)
{
	SavedUser saved;

	if (held_generation != generation)
	{
		saved = switch_user(members_owner());
		if (fingerprint_of(watched, nwatched, trigger_function) == definitions.fingerprint)
			held_generation = generation;
		restore_user(saved);
	}
	return held_generation == generation;
}

uint64
sources_generation(void)
{
	return generation;
}

bool
sources_settled(void)
{
	return sources_tracked() && users == 0;
}

void
sources_begin_use(void)
{
	users++;
}

void
sources_end_use(void)
{
	users--;
}

bool
sources_logged(void)
{
	return mapping_valid && mapping_logged;
}

bool
source_attached(SourceRole role)
{
	return sources[role].attached;
}

Oid
source_relid(SourceRole role)
{
	return sources[role].relid;
}

Oid
source_owner(SourceRole role)
{
	return sources[role].owner;
}

const char *
source_name(SourceRole role)
{
	return sources[role].name;
}

const SourceColumn *
source_column(SourceRole role, const char *name)
{
	const RoleColumn *columns = source_roles[role].columns;

	for (int i = 0; columns[i].name != NULL; i++)
	{
		if (strcmp(columns[i].name, name) == 0)
			return sources[role].columns[i].name == NULL ? NULL : &sources[role].columns[i];
	}
	return NULL;
}
