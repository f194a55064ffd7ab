/*
 * definitions.c
 *		Whether the catalogs still say what they said when answers were computed.
 *
 * Whatever changes a definition sends invalidation messages when it commits,
 * for the server's own plans.  Those of a transaction are known at
 * PRE_COMMIT, and need no event trigger, which has holes and can be
 * disabled.  They name relations also where nothing changed that matters
 * (ANALYZE, CREATE INDEX): so a change of a relation that definitions rest on
 * does not outdate answers; it asks for a fingerprint of what the catalogs
 * say now, and who computes next gives it (cells.c has what comes of it).
 *
 * Owns the set of relations that definitions rest on.
 *
 *	reader	puts the relations' tags into the set, then looks at their coarse
 *			cells: confirms only if nothing changed after its clock or is under way
 *	writer	begins on the coarse cells of its messages' tags, then looks for
 *			these in the set, and begins on the database's definitions if one is there
 *
 * So it is with exact cells in tags.pml: who comes second sees the other.
 *
 * Tags are only ever added.  When the set is full it begins anew, which is a
 * change of all databases' definitions: who confirms them has read them since,
 * and added them.
 *
 * Locking: AC_LOCK_DATABASES, exclusively, to add.  Looking takes none.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "storage/sinval.h"
#include "utils/syscache.h"

#include "base/shmem.h"
#include "base/test_hooks.h"
#include "cache/cells.h"
#include "cache/definitions.h"

/* A power of two; three quarters are used. */
#define SET_SIZE 32768

#define NO_TAG 0

typedef struct WatchedSet
{
	int n; /* guarded by AC_LOCK_DATABASES */
	pg_atomic_uint64 tags[SET_SIZE];
} WatchedSet;

static WatchedSet *watched = NULL;

Size
definitions_shmem_size(void)
{
	return sizeof(WatchedSet);
}

void
definitions_shmem_init(void)
{
	bool found;

	watched = ShmemInitStruct("availability_cache definitions", definitions_shmem_size(), &found);
	if (found)
		return;
	watched->n = 0;
	for (int i = 0; i < SET_SIZE; i++)
		pg_atomic_init_u64(&watched->tags[i], NO_TAG);
}

static Tag
catalog_tag(uint32 kind, Oid dboid, uint32 which)
{
	struct
	{
		TagHeader header;
		uint32 which;
	} tag = {{kind, dboid}, which};

	StaticAssertStmt(sizeof(tag) == 12, "tags are hashed as bytes");
	return tag_of(&tag, sizeof(tag));
}

Tag
tag_of_relation(Oid dboid, Oid relid)
{
	return catalog_tag(TAG_RELATION, dboid, relid);
}

Tag
tag_of_function(Oid dboid, uint32 hash)
{
	return catalog_tag(TAG_FUNCTION, dboid, hash);
}

Tag
tag_of_name(Oid dboid, uint32 hash)
{
	return catalog_tag(TAG_NAME, dboid, hash);
}

Tag
tag_of_names(Oid dboid)
{
	return catalog_tag(TAG_NAMES, dboid, 0);
}

static int
set_size(void)
{
#ifdef AC_TEST_HOOKS
	if (ac_test_watched > 0)
		return ac_test_watched;
#endif
	return SET_SIZE;
}

/* The tag's place, or the free one where it belongs. */
static pg_atomic_uint64 *
place_of(Tag tag)
{
	int size = set_size();
	int i = tag % size;
	Tag there;

	while ((there = pg_atomic_read_u64(&watched->tags[i])) != NO_TAG && there != tag)
		i = (i + 1) % size;
	return &watched->tags[i];
}

static bool
is_watched(Tag tag)
{
	return pg_atomic_read_u64(place_of(tag)) == tag;
}

/* ---- readers ---- */

/*
 * Caller holds AC_LOCK_DATABASES.  While the change is under way nothing is answered
 * from memory that rests on definitions.
 */
static void
begin_anew(void)
{
	CellNo cells[CELLS_PER_TAG];
	int n = AC_MUTATED(AC_MUTANT_SET_FORGOTTEN) ? 0
												: cells_begin_change(TAG_SHARED_DEFINITIONS, 0, true, cells);

	for (int i = 0; i < SET_SIZE; i++)
		pg_atomic_write_u64(&watched->tags[i], NO_TAG);
	watched->n = 0;
	cells_end_change(cells, n);
}

/* Caller holds AC_LOCK_DATABASES; false if there is not enough room for all. */
static bool
add_all(const Definitions *definitions)
{
	int room = set_size() / 4 * 3;

	if (definitions->ntags > room)
		return false;
	if (watched->n + definitions->ntags > room)
		begin_anew();
	for (int i = 0; i < definitions->ntags; i++)
	{
		pg_atomic_uint64 *place = place_of(definitions->tags[i]);

		if (pg_atomic_read_u64(place) != NO_TAG)
			continue;
		pg_atomic_write_u64(place, definitions->tags[i]);
		watched->n++;
	}
	return true;
}

/* Once they are watched a change of them is noticed; that there was none before, the coarse cells say. */
static bool
watch(const Definitions *definitions, uint64 clock)
{
	bool all;

	LWLockAcquire(ac_lock(AC_LOCK_DATABASES), LW_EXCLUSIVE);
	all = add_all(definitions);
	LWLockRelease(ac_lock(AC_LOCK_DATABASES));
	pg_memory_barrier();
	return all && (cells_unchanged(definitions->tags, definitions->ntags, clock) ||
				   AC_MUTATED(AC_MUTANT_SET_UNCHECKED));
}

bool
definitions_are_newer(uint64 clock)
{
	return ac_shared_memory_ready && cells_definitions_are_newer(clock);
}

/* Who shares a number with other databases must say it of its own. */
bool
definitions_confirmed(uint64 clock)
{
	return !database_is_shared(database_my_number()) && cells_definitions_confirmed(clock);
}

bool
definitions_confirm(Definitions *definitions, uint64 clock)
{
	bool confirmed;

	if (definitions_confirmed(clock))
		return true;
	if (!definitions->watched)
		definitions->watched = watch(definitions, clock);
	if (!definitions->watched)
		return false;
	LWLockAcquire(ac_lock(AC_LOCK_DATABASES), LW_EXCLUSIVE);
	confirmed = cells_confirm_definitions(clock, definitions->fingerprint);
	LWLockRelease(ac_lock(AC_LOCK_DATABASES));
	return confirmed;
}

/* ---- writers ---- */

static void
list_catcache_message(DefinitionChanges *changes, Tag *tags, const SharedInvalCatcacheMsg *message)
{
	switch (message->id)
	{
		case PROCOID:
			tags[changes->ntags++] = tag_of_function(message->dbId, message->hashValue);
			break;
			/* Who may see what. */
		case AUTHOID:
		case AUTHMEMMEMROLE:
			changes->shared = true;
			tags[changes->ntags++] = tag_of_names(InvalidOid);
			break;
			/* Its name, which current_database() tells. */
		case DATABASEOID:
			tags[changes->ntags++] = tag_of_names(InvalidOid);
			break;
			/* Names in queries; labels that queries leave out if there are none. */
		case NAMESPACEOID:
		case ENUMOID:
			changes->any = true;
			tags[changes->ntags++] = tag_of_names(message->dbId);
			break;
			/* Both hash a name and a schema; a table's type has its name. */
		case RELNAMENSP:
		case TYPENAMENSP:
			tags[changes->ntags++] = tag_of_name(message->dbId, message->hashValue);
			break;
		case PROCNAMEARGSNSP:
		case OPERNAMENSP:
		case CASTSOURCETARGET:
		case AGGFNOID:
		case CLAOID:
		case COLLOID:
		case CONVOID:
		case TSCONFIGOID:
		case TSCONFIGMAP:
		case TSDICTOID:
			tags[changes->ntags++] = tag_of_names(message->dbId);
			break;
		default:
			break;
	}
}

void
definitions_list_changes(DefinitionChanges *changes)
{
	SharedInvalidationMessage *messages = NULL;
	bool init_file;
	int n;
	Tag *tags;

	memset(changes, 0, sizeof(*changes));
	/* Nobody changes a definition without one; VACUUM has messages all the same. */
	if (!TransactionIdIsValid(GetTopTransactionIdIfAny()) || AC_MUTATED(AC_MUTANT_NO_MESSAGES))
		return;
	n = xactGetCommittedInvalidationMessages(&messages, &init_file);
	if (n == 0)
		return;
	changes->tags = tags = palloc(n * sizeof(Tag));
	for (int i = 0; i < n; i++)
	{
		if (messages[i].id >= 0)
			list_catcache_message(changes, tags, &messages[i].cc);
		else if (messages[i].id == SHAREDINVALRELCACHE_ID && OidIsValid(messages[i].rc.relId))
			tags[changes->ntags++] = tag_of_relation(messages[i].rc.dbId, messages[i].rc.relId);
		else if (messages[i].id == SHAREDINVALRELCACHE_ID)
			changes->any = true;
	}
}

bool
definitions_are_watched(const DefinitionChanges *changes)
{
	for (int i = 0; i < changes->ntags; i++)
	{
		if (is_watched(changes->tags[i]))
			return true;
	}
	return changes->any;
}
