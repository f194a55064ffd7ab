/*
 * names.c
 *		Whether names in this session's plans mean what they mean to others.
 *
 * The server makes a plan anew when what it uses changes, but not when a
 * relation appears that hides one of it: earlier in search_path, under the
 * same name.  A session that planned before goes on reading what it found
 * then.  That is between the session and the server; an answer for others
 * must be of what the names mean now.
 *
 * So the names that computations looked for in vain are remembered, by their
 * hash in the RELNAMENSP syscache.  When one of them is made, the next
 * computation has all plans of the session made anew.
 *
 * A name is first remembered when a plan is run, which may be after it was
 * planned and hidden.  Then it is looked up.
 *
 * Locking: none; this is of one backend.
 */
#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/syscache.h"

#include "base/test_hooks.h"
#include "memo/names.h"

typedef struct Place
{
	uint32 hash;	 /* of a name in a schema */
	uint64 made_for; /* which plans know of what is there */
} Place;

static HTAB *places = NULL;

/* How often plans were made anew. */
static uint64 generation = 0;
static bool plans_are_old = true;
/* Since they were made anew: any relation at all came, went or changed its name. */
static bool any_changed = false;

/* Allocates nothing, and may come at any time; with hash 0 for all. */
static void
note_change(Datum arg, int cache, uint32 hash)
{
	Place *place = hash == 0 ? NULL : hash_search(places, &hash, HASH_FIND, NULL);

	any_changed = true;
	if (place != NULL)
		place->made_for = generation + 1;
	if (place != NULL || hash == 0)
		plans_are_old = true;
}

/* Functions and casts that hide others, too. */
static void
note_rare_change(Datum arg, int cache, uint32 hash)
{
	plans_are_old = true;
}

static void
begin(void)
{
	HASHCTL control = {.keysize = sizeof(uint32), .entrysize = sizeof(Place), .hcxt = TopMemoryContext};

	places = hash_create("availability_cache names", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	CacheRegisterSyscacheCallback(RELNAMENSP, note_change, (Datum) 0);
	CacheRegisterSyscacheCallback(PROCOID, note_rare_change, (Datum) 0);
	CacheRegisterSyscacheCallback(CASTSOURCETARGET, note_rare_change, (Datum) 0);
}

uint64
names_refresh(void)
{
	if (places == NULL)
		begin();
	if (plans_are_old && !AC_MUTATED(AC_MUTANT_OLD_PLANS))
	{
		/* What is told meanwhile makes them old again. */
		plans_are_old = any_changed = false;
		generation++;
		ResetPlanCache();
	}
	return generation;
}

bool
names_hold(const char *name, Oid namespace, uint32 *hash)
{
	Place *place;
	bool found;

	*hash = GetSysCacheHashValue2(RELNAMENSP, CStringGetDatum(name), ObjectIdGetDatum(namespace));
	place = hash_search(places, hash, HASH_ENTER, &found);
	if (!found)
	{
		/* Before messages are heard. */
		place->made_for = generation;
		if (any_changed && OidIsValid(get_relname_relid(name, namespace)))
		{
			place->made_for = generation + 1;
			plans_are_old = true;
		}
	}
	return place->made_for <= generation || AC_MUTATED(AC_MUTANT_OLD_PLANS);
}
