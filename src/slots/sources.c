/*
 * sources.c
 *		The attached tables: which they are, and what their columns are called.
 *
 * The mapping (availability_cache.source) is loaded once per session and again
 * after a relcache message of any table that matters (the attached tables,
 * their partitions, source and rules) or one of the syscaches that
 * sources_init names.  Invalidations are accepted after the version clock is
 * read and before the snapshot is taken, and a writer moves the clock on
 * after it has sent its own; so no answer is kept that was made with an
 * older mapping than its clock says.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "base/as_user.h"
#include "base/relcache.h"
#include "base/shmem.h"
#include "cache/cells.h"
#include "cache/definitions.h"
#include "slots/fingerprint.h"
#include "slots/result.h"
#include "slots/sources.h"

#define MAX_SOURCE_COLUMNS 10

typedef struct NamedColumn
{
	const char *name;
	SourceColumn column;
} NamedColumn;

typedef struct Source
{
	bool attached;
	Oid relid;
	Oid owner;
	const char *name;	  /* in full, quoted */
	const char *relation; /* the same for FROM */
	NamedColumn columns[MAX_SOURCE_COLUMNS];
	int ncolumns;
} Source;

typedef struct RoleInfo
{
	const char *name;
	bool required;
} RoleInfo;

static const RoleInfo roles[SOURCE_NROLES] = {
	[SOURCE_BOOKINGS] = {"bookings", true},
	[SOURCE_RESERVATIONS] = {"booking_reservations", false},
	[SOURCE_SCHEDULES] = {"stylist_schedules", true},
	[SOURCE_OVERRIDES] = {"schedule_overrides", false},
	[SOURCE_STYLIST_SERVICES] = {"stylist_services", true},
	[SOURCE_SERVICES] = {"services", true},
	[SOURCE_PROFILES] = {"stylist_profiles", false},
	[SOURCE_RULES] = {"rules", true},
};

/* The mapping.  Strings and the watched relations live in mapping_context. */
static MemoryContext mapping_context = NULL;
static Source sources[SOURCE_NROLES];
static bool mapping_valid = false;
static bool mapping_tracked = false;
static bool mapping_logged = false;
static uint64 generation = 0;
static Oid *watched = NULL;
static int nwatched = 0;
static Definitions definitions;
/* The version clock before it was loaded. */
static uint64 loaded_at = NO_CLOCK;
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
	if (!mapping_valid || !OidIsValid(relid))
	{
		mapping_valid = false;
		return;
	}
	if (is_watched(relid))
		mapping_valid = false;
}

static void
forget_mapping(Datum arg, int cacheid, uint32 hashvalue)
{
	mapping_valid = false;
}

void
sources_init(void)
{
	relcache_notify(forget_mapping_of_relation);
	/* A renamed schema is in the text of the queries; an owner's BYPASSRLS was looked at. */
	CacheRegisterSyscacheCallback(NAMESPACEOID, forget_mapping, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHOID, forget_mapping, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHMEMMEMROLE, forget_mapping, (Datum) 0);
	/* Queries leave out statuses that an enum does not have; event triggers are part of the triggers' state. */
	CacheRegisterSyscacheCallback(ENUMOID, forget_mapping, (Datum) 0);
	CacheRegisterSyscacheCallback(EVENTTRIGGEROID, forget_mapping, (Datum) 0);
}

static void
run_select(const char *query)
{
	if (SPI_execute(query, true, 0) != SPI_OK_SELECT)
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

static int
role_by_name(const char *name)
{
	for (int r = 0; r < SOURCE_NROLES; r++)
	{
		if (strcmp(roles[r].name, name) == 0)
			return r;
	}
	return -1;
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
	/* Children by inheritance have no triggers of ours; partitions do. */
	source->relation = rel->relkind == RELKIND_PARTITIONED_TABLE ? source->name : psprintf("ONLY %s", source->name);
	ReleaseSysCache(tuple);
	if (check_enable_rls(relid, source->owner, true) == RLS_ENABLED)
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("row-level security of table %s is forced upon its owner", source->name),
				errhint("Answers are computed as the table's owner and must see every row: take away FORCE ROW LEVEL "
						"SECURITY, or give the owner BYPASSRLS."));
}

/* Called in mapping_context. */
static void
describe_column(Source *source, const char *name, const char *column)
{
	AttrNumber attnum = get_attnum(source->relid, column);
	HeapTuple tuple;
	NamedColumn *named;

	if (attnum == InvalidAttrNumber || source->ncolumns == MAX_SOURCE_COLUMNS)
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("table %s no longer has its column \"%s\"", source->name, column),
				errhint("Run availability_cache.attach() for it again, with its present columns."));
	named = &source->columns[source->ncolumns++];
	named->name = pstrdup(name);
	named->column.name = pstrdup(column);
	named->column.quoted = pstrdup(quote_identifier(column));
	named->column.type = getBaseType(get_atttype(source->relid, attnum));
	tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(source->relid), Int16GetDatum(attnum));
	if (HeapTupleIsValid(tuple))
	{
		named->column.not_null = ((Form_pg_attribute) GETSTRUCT(tuple))->attnotnull;
		ReleaseSysCache(tuple);
	}
}

static void
load_columns(void)
{
	run_select("SELECT s.role, s.relation::pg_catalog.oid, c.key, c.value"
			   " FROM availability_cache.source s, LATERAL pg_catalog.jsonb_each_text(s.columns) c");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		int role = role_by_name(result_text(i, 1));
		bool isnull;
		MemoryContext caller;

		if (role < 0)
			continue;
		caller = MemoryContextSwitchTo(mapping_context);
		if (!sources[role].attached)
			describe_relation(&sources[role], DatumGetObjectId(result_datum(i, 2, &isnull)));
		describe_column(&sources[role], result_text(i, 3), result_text(i, 4));
		MemoryContextSwitchTo(caller);
	}
}

/*
 * Where the functions called below are: since 1.1.0 in a schema of their own.
 * They run as the extension's owner, so a schema that somebody else made under
 * that name does not count.
 */
static const char *
internal_schema(void)
{
	Oid extension = get_extension_oid("availability_cache", true);
	Oid schema = get_namespace_oid("availability_cache_internal", true);

	if (OidIsValid(extension) && getExtensionOfObject(NamespaceRelationId, schema) == extension)
		return "availability_cache_internal";
	return "availability_cache";
}

static void
load_trigger_state(const char *schema)
{
	run_select(psprintf("SELECT %s.trigger_state(s.relation) FROM availability_cache.source s", schema));
	mapping_tracked = true;
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		if (strcmp(result_text(i, 1), "enabled") != 0)
			mapping_tracked = false;
	}
	run_select(
		"SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid OPERATOR(pg_catalog.=) 'availability_cache.rules'::pg_catalog.regclass"
		" AND t.tgname OPERATOR(pg_catalog.=) 'rules_changed' AND t.tgenabled OPERATOR(pg_catalog.=) 'A'");
	if (SPI_processed == 0)
		mapping_tracked = false;
}

static void
load_watched(const char *schema)
{
	run_select(psprintf("SELECT c.oid, c.relpersistence OPERATOR(pg_catalog.=) 'p'"
						" FROM (SELECT t.relid FROM availability_cache.source s,"
						" LATERAL %s.relation_tree(s.relation) AS t(relid)"
						" UNION ALL SELECT 'availability_cache.source'::pg_catalog.regclass"
						" UNION ALL SELECT 'availability_cache.rules'::pg_catalog.regclass) w"
						" JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) w.relid",
						schema));
	watched = MemoryContextAlloc(mapping_context, SPI_processed * sizeof(Oid));
	mapping_logged = true;
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool isnull;

		watched[nwatched++] = DatumGetObjectId(result_datum(i, 1, &isnull));
		mapping_logged = mapping_logged && result_bool(i, 2, false);
	}
	/* The table tier learns of DDL by these. */
	run_select("SELECT FROM pg_catalog.pg_event_trigger e WHERE e.evtenabled OPERATOR(pg_catalog.=) 'A'"
			   " AND e.evtname OPERATOR(pg_catalog.=) ANY ('{availability_cache_ddl,availability_cache_drop}')");
	if (SPI_processed != 2)
		mapping_logged = false;
}

static void
load_definitions(void)
{
	Tag *tags = MemoryContextAlloc(mapping_context, nwatched * sizeof(Tag));

	for (int i = 0; i < nwatched; i++)
		tags[i] = tag_of_relation(MyDatabaseId, watched[i]);
	definitions.tags = tags;
	definitions.ntags = nwatched;
	definitions.fingerprint = fingerprint_of(watched, nwatched);
}

static Oid
function_owner(Oid function)
{
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Oid owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function);
	owner = ((Form_pg_proc) GETSTRUCT(tuple))->proowner;
	ReleaseSysCache(tuple);
	return owner;
}

/* Messages tell most sessions; that definitions changed may be all that tells who confirms them. */
static bool
is_up_to_date(void)
{
	return mapping_valid && !definitions_are_newer(loaded_at);
}

void
sources_load(Oid function)
{
	const char *schema;
	SavedUser saved;
	Oid extension_owner;

	/* A computation within a computation leaves alone what that one uses, and is not kept. */
	if (is_up_to_date() || users > 0)
		return;
	drop_mapping();
	loaded_at = ac_shared_memory_ready ? cells_clock() : NO_CLOCK;
	extension_owner = function_owner(function);
	/* Invalidations from here on count. */
	mapping_valid = true;
	generation++;
	PG_TRY();
	{
		/* The mapping outlives this transaction, whose snapshot may be old. */
		PushActiveSnapshot(GetLatestSnapshot());
		schema = internal_schema();
		saved = switch_user(extension_owner);
		load_watched(schema);
		load_trigger_state(schema);
		load_columns();
		load_definitions();
		restore_user(saved);
		PopActiveSnapshot();
	}
	PG_CATCH();
	{
		mapping_valid = false;
		PG_RE_THROW();
	}
	PG_END_TRY();
	sources[SOURCE_RULES].attached = true;
	sources[SOURCE_RULES].owner = extension_owner;
	sources[SOURCE_RULES].name = sources[SOURCE_RULES].relation = "availability_cache.rules";
	for (int r = 0; r < SOURCE_NROLES; r++)
	{
		if (!roles[r].required || sources[r].attached)
			continue;
		mapping_valid = false;
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("no table is attached as %s", roles[r].name),
				errhint("Run SELECT * FROM availability_cache.attach()."));
	}
}

/* A partitioned table may have an attached one among its partitions. */
bool
sources_concerned(Oid relid)
{
	return !mapping_valid || is_watched(relid) || get_rel_relkind(relid) == RELKIND_PARTITIONED_TABLE;
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
source_owner(SourceRole role)
{
	return sources[role].owner;
}

const char *
source_name(SourceRole role)
{
	return sources[role].name;
}

const char *
source_relation(SourceRole role)
{
	return sources[role].relation;
}

const SourceColumn *
source_column(SourceRole role, const char *name)
{
	for (int i = 0; i < sources[role].ncolumns; i++)
	{
		if (strcmp(sources[role].columns[i].name, name) == 0)
			return &sources[role].columns[i].column;
	}
	return NULL;
}
