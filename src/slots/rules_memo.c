/*
 * rules_memo.c
 *		Remembers the rules of a stylist's day between calls.
 *
 * Most of what a computation reads (rules, profile, offer, service) seldom
 * changes.  A session keeps it for some stylists and services, with the cells
 * it depends on and the version clock from before the snapshot it was read
 * under.  It is good for a later snapshot if those cells are current, looked
 * at after that snapshot was taken: a writer that the later snapshot sees and
 * the earlier one did not has marked them before it became visible.  So what
 * is recalled is what the queries would read.
 *
 * What may not be remembered is computed without a clock: without shared
 * memory, with writes of one's own, on a standby, under a snapshot that may
 * be old, and with availability_cache.enabled = off, so that the tests have
 * something to compare with.
 *
 * Locking: none.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "port/atomics.h"
#include "utils/memutils.h"

#include "base/test_hooks.h"
#include "cache/cells.h"
#include "cache/readpath.h"
#include "slots/rules_memo.h"
#include "slots/sources.h"

#define NMEMOS 256

typedef struct Memo
{
	MemoryContext context; /* of the strings */
	pg_uuid_t stylist;
	pg_uuid_t service;
	uint64 generation; /* of the mapping; 0: empty */
	Dependencies on;
	ExactNo cells[RULES_NTAGS];
	DayRules rules;
} Memo;

static Memo memos[NMEMOS];

static Memo *
memo_of(const pg_uuid_t *stylist, const pg_uuid_t *service)
{
	uint32 hash = hash_bytes((const unsigned char *) stylist, UUID_LEN) ^
				  hash_bytes((const unsigned char *) service, UUID_LEN);

	return &memos[hash % NMEMOS];
}

bool
rules_recall(const pg_uuid_t *stylist, const pg_uuid_t *service, uint64 clock, DayRules *rules)
{
	Memo *memo = memo_of(stylist, service);

	if (clock == NO_CLOCK || !sources_settled() || memo->generation != sources_generation() ||
		memcmp(&memo->stylist, stylist, UUID_LEN) != 0 || memcmp(&memo->service, service, UUID_LEN) != 0)
		return false;
	/* The snapshot came before. */
	pg_memory_barrier();
	if (cells_status(&memo->on) != CELLS_CURRENT && !AC_MUTATED(AC_MUTANT_NO_MEMO_CHECK))
		return false;
	*rules = memo->rules;
	return true;
}

void
rules_remember(const pg_uuid_t *stylist, const pg_uuid_t *service, uint64 clock, const DayRules *rules)
{
	Memo *memo = memo_of(stylist, service);
	MemoryContext caller;
	Tag tags[RULES_NTAGS];

	/* A computation within another's query could take what that one is using. */
	if (clock == NO_CLOCK || !sources_settled())
		return;
	/* Nothing is remembered if there is no memory for it. */
	memo->generation = 0;
	memo->on.clock = clock;
	rules_list_tags(stylist, service, tags);
	if (cells_depend(&memo->on, tags, RULES_NTAGS, memo->cells) != CELLS_CURRENT)
		return;
	if (memo->context == NULL)
		memo->context = AllocSetContextCreate(TopMemoryContext, "availability_cache rules",
											  ALLOCSET_SMALL_SIZES);
	MemoryContextReset(memo->context);
	caller = MemoryContextSwitchTo(memo->context);
	memo->rules = *rules;
	rules_copy_strings(&memo->rules);
	MemoryContextSwitchTo(caller);
	memo->stylist = *stylist;
	memo->service = *service;
	memo->generation = sources_generation();
}
