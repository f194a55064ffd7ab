/*
 * names.c
 *		Whether names in this session's plans mean what they mean to others.
 *
 * The server makes a plan anew when what it uses changes, but not when a
 * relation or type appears that hides one of it: earlier in search_path,
 * under the same name.  A session that planned before goes on with what it
 * found then.  That is between the session and the server; an answer for
 * others must be of what the names mean now.
 *
 * So the names that computations looked for in vain are remembered, by their
 * hash in the RELNAMENSP and TYPENAMENSP syscaches, which is the same.  When
 * a relation of such a name is made, the next computation has all plans of the
 * session made anew.  For a type plpgsql would have to compile functions
 * anew, which nobody can ask for: if another type is there than at first, what
 * names it is not kept by this session any more.
 *
 * A name is first remembered when it is used, which may be after it was
 * planned or compiled and hidden.  So every change is noted too, in few bits:
 * too many rather than too few.
 *
 * Locking: none; this is of one backend.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/catcache.h"
#include "utils/guc_tables.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/test_hooks.h"
#include "memo/names.h"

typedef struct Place
{
	uint32 hash;	 /* of a name in a schema */
	uint64 made_for; /* which plans know of what is there */
	bool is_compared;
	bool may_be_older; /* functions may have been compiled before it was seen */
	Oid type;		   /* that was there when it was first compared */
} Place;

#define CHANGED_BITS 8192

static HTAB *places = NULL;

/* How often plans were made anew. */
static uint64 generation = 0;
static bool plans_are_old = true;
/* Whose relation or type came, went or changed its name, by their hashes. */
static uint64 changed[CHANGED_BITS / 64];
static bool all_changed = false;

static uint64 *
changed_word(uint32 hash)
{
	return &changed[hash % CHANGED_BITS / 64];
}

static bool
may_have_changed(uint32 hash)
{
	return all_changed || (*changed_word(hash) & UINT64CONST(1) << hash % 64) != 0;
}

/* Allocates nothing, and may come at any time; with hash 0 for all. */
static void
note_change(Datum arg, int cache, uint32 hash)
{
	Place *place = hash == 0 || places == NULL ? NULL : hash_search(places, &hash, HASH_FIND, NULL);

	all_changed |= hash == 0;
	*changed_word(hash) |= UINT64CONST(1) << hash % 64;
	if (place != NULL)
		place->made_for = generation + 1;
	if (place != NULL || hash == 0)
		plans_are_old = true;
}

/* Functions and casts that hide others. */
static void
note_rare_change(Datum arg, int cache, uint32 hash)
{
	plans_are_old = true;
}

static void
make_places(void)
{
	HASHCTL control = {.keysize = sizeof(uint32), .entrysize = sizeof(Place), .hcxt = TopMemoryContext};

	places = hash_create("availability_cache names", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* ---- times in literals ---- */

/*
 * A constant is read as a date or a time when its query is parsed, under the
 * settings of then: that goes on after they have changed.  Each assignment of
 * one comes here first; it may be of a call's end.
 */
static bool times_are_old = false;

#define NOTED(setting)                                         \
	static GucStringAssignHook previous_##setting = NULL;      \
	static void note_##setting(const char *value, void *extra) \
	{                                                          \
		times_are_old = true;                                  \
		if (previous_##setting != NULL)                        \
			previous_##setting(value, extra);                  \
	}

NOTED(zone)
NOTED(style)
NOTED(abbreviations)

static void
note_assignments(const char *name, GucStringAssignHook note, GucStringAssignHook *previous)
{
	struct config_string *setting = (struct config_string *) AC_FIND_SETTING(name);

	if (setting == NULL || setting->gen.vartype != PGC_STRING)
		elog(ERROR, "there is no setting %s", name);
	*previous = setting->assign_hook;
	setting->assign_hook = note;
}

void
names_init(void)
{
	CacheRegisterSyscacheCallback(RELNAMENSP, note_change, (Datum) 0);
	CacheRegisterSyscacheCallback(TYPENAMENSP, note_change, (Datum) 0);
	CacheRegisterSyscacheCallback(PROCOID, note_rare_change, (Datum) 0);
	CacheRegisterSyscacheCallback(CASTSOURCETARGET, note_rare_change, (Datum) 0);
	note_assignments("TimeZone", note_zone, &previous_zone);
	note_assignments("DateStyle", note_style, &previous_style);
	note_assignments("timezone_abbreviations", note_abbreviations, &previous_abbreviations);
}

uint64
names_refresh(bool has_times)
{
	if (places == NULL)
		make_places();
	if ((plans_are_old || (has_times && times_are_old)) && !AC_MUTATED(AC_MUTANT_OLD_PLANS))
	{
		/* What is told meanwhile makes them old again. */
		plans_are_old = times_are_old = false;
		generation++;
		ResetPlanCache();
	}
	return generation;
}

static Place *
place_of(const char *name, Oid namespace)
{
	uint32 hash = GetSysCacheHashValue2(RELNAMENSP, CStringGetDatum(name), ObjectIdGetDatum(namespace));
	bool found;
	Place *place = hash_search(places, &hash, HASH_ENTER, &found);

	if (!found)
	{
		place->is_compared = false;
		place->may_be_older = may_have_changed(hash);
		place->made_for = place->may_be_older ? generation + 1 : generation;
		plans_are_old |= place->may_be_older;
	}
	return place;
}

bool
names_hold(const char *name, Oid namespace, uint32 *hash)
{
	Place *place = place_of(name, namespace);

	*hash = place->hash;
	return place->made_for <= generation || AC_MUTATED(AC_MUTANT_OLD_PLANS);
}

/* Whether several schemas have one. */
static bool
is_ambiguous(const char *name)
{
	CatCList *list = SearchSysCacheList1(TYPENAMENSP, CStringGetDatum(name));
	bool several = list->n_members > 1;

	ReleaseSysCacheList(list);
	return several;
}

bool
names_hold_type(const char *name, Oid namespace, uint32 *hash, Oid *type)
{
	Place *place = place_of(name, namespace);

	*hash = place->hash;
	*type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum(name),
							ObjectIdGetDatum(namespace));
	if (!place->is_compared)
	{
		place->is_compared = true;
		place->type = *type;
	}
	return (place->type == *type && !(place->may_be_older && is_ambiguous(name))) ||
		   AC_MUTATED(AC_MUTANT_OLD_PLANS);
}
