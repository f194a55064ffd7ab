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
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "base/members.h"
#include "base/relcache.h"
#include "base/shmem.h"
#include "base/test_hooks.h"
#include "cache/cells.h"
#include "cache/definitions.h"
#include "slots/attachments.h"
#include "slots/fingerprint.h"
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
/* Of what it says: whether it says the same when it is loaded again. */
static uint64 generation = 0;
static uint64 content = 0;
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
	/*
	 * A renamed schema is in the text of the queries; of an owner, BYPASSRLS and what it
	 * may call were looked at.
	 */
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

/* ---- loading the mapping ---- */

static void
drop_mapping(void)
{
	memset(sources, 0, sizeof(sources));
	watched = NULL;
	nwatched = 0;
	memset(&definitions, 0, sizeof(definitions));
	if (mapping_context == NULL)
		mapping_context = AllocSetContextCreate(TopMemoryContext, "availability_cache mapping",
												ALLOCSET_SMALL_SIZES);
	MemoryContextReset(mapping_context);
}

/* Fills in what the catalogs say of the relation.  Called in mapping_context. */
static void
describe_relation(Source *source, Oid relid)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Form_pg_class rel;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("an attached table no longer exists"),
				errhint("Run SELECT availability_cache.detach(), then attach the tables that are there."));
	rel = (Form_pg_class) GETSTRUCT(tuple);
	source->attached = true;
	source->relid = relid;
	source->owner = rel->relowner;
	source->name = quote_qualified_identifier(get_namespace_name(rel->relnamespace), NameStr(rel->relname));
	ReleaseSysCache(tuple);
	if (check_enable_rls(relid, source->owner, true) == RLS_ENABLED)
		ereport(
			ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("row-level security of table %s is forced upon its owner", source->name),
			errhint(
				"Answers are computed as the table's owner and must see every row: take away FORCE ROW LEVEL "
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
				errmsg("table %s no longer has its column \"%s\"", source->name,
					   name == NULL ? wanted->name : name),
				errhint("Run availability_cache.attach() for it again, with its present columns."));
	column->name = pstrdup(name);
	column->quoted = pstrdup(quote_identifier(name));
	column->declared = get_atttype(source->relid, attnum);
	column->type = getBaseType(column->declared);
	if (!column_kind_fits(wanted->kind, column->type))
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("column \"%s\" of table %s is of type %s, which cannot serve as \"%s\"", name,
					   source->name, format_type_be(column->type), wanted->name),
				errhint("Change its type back, or run availability_cache.attach() with another column."));
	tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(source->relid), Int16GetDatum(attnum));
	if (HeapTupleIsValid(tuple))
	{
		Form_pg_attribute form = (Form_pg_attribute) GETSTRUCT(tuple);

		column->not_null = form->attnotnull;
		column->bytewise = !OidIsValid(form->attcollation) ||
						   get_collation_isdeterministic(form->attcollation);
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

	ereport(
		ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		errmsg("table %s is attached as %s, but %s", name, source_roles[attachment->role].name,
			   attachment->problem),
		attachment->allowed
			? errhint("Run availability_cache.attach() for the right one, or drop the other's triggers.")
			: errhint(
				  "GRANT EXECUTE ON FUNCTION private.invalidate_availability_cache() to the owner, or give the "
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

/* Takes over what the catalogs say; the watched relations outlive the transaction. */
static void
keep_facts(const CatalogFacts *facts)
{
	ListCell *cell;

	watched = MemoryContextAlloc(mapping_context, list_length(facts->relids) * sizeof(Oid));
	foreach(cell, facts->relids)
		watched[nwatched++] = lfirst_oid(cell);
	mapping_tracked = facts->tracked;
	mapping_logged = facts->logged;
	definitions.fingerprint = facts->fingerprint;
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
}

static void
describe_rules(Oid relid, Oid owner)
{
	MemoryContext caller = MemoryContextSwitchTo(mapping_context);

	sources[SOURCE_RULES] = (Source){.attached = true, .relid = relid, .owner = owner};
	sources[SOURCE_RULES].name = member_name(RelationRelationId, relid);
	MemoryContextSwitchTo(caller);
}

static uint64
hash_more(uint64 hash, const void *bytes, int n)
{
	return hash_bytes_extended(bytes, n, hash);
}

/* Of all that plans are made of, and of what was remembered under it. */
static uint64
hash_of_content(void)
{
	uint64 hash = definitions.fingerprint;

	for (int r = 0; r < SOURCE_NROLES; r++)
	{
		const Source *source = &sources[r];

		hash = hash_more(hash, &source->relid, sizeof(Oid));
		hash = hash_more(hash, &source->owner, sizeof(Oid));
		if (source->attached)
			hash = hash_more(hash, source->name, strlen(source->name) + 1);
		for (int i = 0; i < MAX_ROLE_COLUMNS; i++)
		{
			const SourceColumn *column = &source->columns[i];
			uint32 type[] = {column->name != NULL, column->declared, column->not_null, column->bytewise};

			hash = hash_more(hash, type, sizeof(type));
			if (column->name != NULL)
				hash = hash_more(hash, column->name, strlen(column->name) + 1);
		}
	}
	return hash;
}

/* ANALYZE has what was remembered read again, and nothing more. */
static void
count_generation(void)
{
	uint64 now = hash_of_content();

	if (generation == 0 || now != content)
		generation++;
	content = now;
}

static void
load(void)
{
	Oid owner = members_owner();
	Oid rules = member_find(RelationRelationId, "rules");
	List *attachments;
	CatalogFacts facts;

	trigger_function = attachments_function();
	if (!OidIsValid(owner) || !OidIsValid(rules) || !OidIsValid(trigger_function))
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg(
					"the extension availability_cache is not whole: a member is missing, or not its owner's"),
				errhint("ALTER EXTENSION availability_cache ADD puts back what was taken out of it."));
	function_hash = GetSysCacheHashValue1(PROCOID, ObjectIdGetDatum(trigger_function));
	counted = true;
	fingerprint = attachments_fingerprint(trigger_function);
	attachments = attachments_read(trigger_function);
	facts_read(attachments, rules, trigger_function, &facts);
	keep_facts(&facts);
	load_definitions();
	describe_attachments(attachments);
	describe_rules(rules, owner);
	count_generation();
}

void
sources_load(void)
{
	/* A computation within a computation leaves alone what that one uses, and is not kept. */
	if (users > 0 || is_valid())
		return;
	drop_mapping();
	loaded_at = ac_shared_memory_ready ? cells_clock() : NO_CLOCK;
	/* What is read below is no older than the clock; invalidations from here on count. */
	AcceptInvalidationMessages();
	mapping_valid = true;
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
sources_current(void)
{
	return is_valid();
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
	CatalogFacts facts;

	if (held_generation == generation)
		return true;
	facts_read(attachments_read(trigger_function), sources[SOURCE_RULES].relid, trigger_function, &facts);
	if (facts.fingerprint == definitions.fingerprint)
		held_generation = generation;
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
source_column_at(SourceRole role, int i)
{
	return sources[role].columns[i].name == NULL ? NULL : &sources[role].columns[i];
}

const SourceColumn *
source_column(SourceRole role, const char *name)
{
	const RoleColumn *columns = source_roles[role].columns;

	for (int i = 0; columns[i].name != NULL; i++)
	{
		if (strcmp(columns[i].name, name) == 0)
			return source_column_at(role, i);
	}
	return NULL;
}
