/*
 * rules_memo.c
 *		Remembers the rules of a stylist's day between calls.
 *
 * Most of what a computation reads (rules, profile, offer, service) seldom
 * changes.  A session keeps it for some stylists and services, with the words
 * of the cells it depends on as they were before the snapshot it was read
 * under.  It is good for a later snapshot if those cells still have these
 * words, read after that snapshot was taken: a writer that the later snapshot
 * sees and the earlier one did not has added to a word before it became
 * visible.  So what is recalled is what the queries would read.
 *
 * A session without shared memory, with writes of its own, on a standby, or
 * under a snapshot that may be old, remembers nothing; nor does one with
 * availability_cache.enabled = off, so that the tests have something to
 * compare with.
 *
 * Locking: none.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "common/hashfn.h"
#include "port/atomics.h"
#include "utils/memutils.h"

#include "base/settings.h"
#include "base/shmem.h"
#include "base/test_hooks.h"
#include "cache/prepared.h"
#include "slots/rules_memo.h"
#include "slots/sources.h"

#define NMEMOS 256

typedef struct Memo
{
	MemoryContext context; /* of the strings */
	pg_uuid_t stylist;
	pg_uuid_t service;
	uint64 generation; /* of the mapping; 0: empty */
	uint64 words[RULES_NCELLS];
	DayRules rules;
} Memo;

static Memo memos[NMEMOS];

/* Reads the words; false if a change is pending on one. */
static bool
read_words(const pg_uuid_t *stylist, const pg_uuid_t *service, uint64 words[RULES_NCELLS])
{
	CellNo cells[RULES_NCELLS];
	bool pending = false;

	rules_list_cells(stylist, service, cells);
	for (int i = 0; i < RULES_NCELLS; i++)
	{
		words[i] = cell_read(cells[i]);
		pending |= CELL_PENDING(words[i]) != 0;
	}
	return !pending;
}

void
rules_note_words(const pg_uuid_t *stylist, const pg_uuid_t *service, RulesWords *words)
{
	words->usable = ac_shared_memory_ready && ac_enabled && !TransactionIdIsValid(GetTopTransactionIdIfAny()) &&
					!IsolationUsesXactSnapshot() && !RecoveryInProgress() && prepared_known() &&
					read_words(stylist, service, words->words);
	/* The snapshot comes after. */
	pg_memory_barrier();
}

static Memo *
memo_of(const pg_uuid_t *stylist, const pg_uuid_t *service)
{
	uint32 hash = hash_bytes((const unsigned char *) stylist, UUID_LEN) ^
				  hash_bytes((const unsigned char *) service, UUID_LEN);

	return &memos[hash % NMEMOS];
}

bool
rules_recall(const pg_uuid_t *stylist, const pg_uuid_t *service, const RulesWords *before, DayRules *rules)
{
	Memo *memo = memo_of(stylist, service);
	uint64 words[RULES_NCELLS];

	if (!before->usable || !sources_settled() || memo->generation != sources_generation() ||
		memcmp(&memo->stylist, stylist, UUID_LEN) != 0 || memcmp(&memo->service, service, UUID_LEN) != 0)
		return false;
	/* The snapshot came before. */
	pg_memory_barrier();
	if ((!read_words(stylist, service, words) || memcmp(words, memo->words, sizeof(words)) != 0) &&
		!AC_MUTATED(AC_MUTANT_NO_MEMO_CHECK))
		return false;
	*rules = memo->rules;
	return true;
}

static QueryStatuses
copy_statuses(QueryStatuses statuses)
{
	QueryStatuses copy = {.text = pstrdup(statuses.text)};
	ListCell *cell;

	foreach(cell, statuses.names)
		copy.names = lappend(copy.names, pstrdup(lfirst(cell)));
	return copy;
}

void
rules_remember(const pg_uuid_t *stylist, const pg_uuid_t *service, const RulesWords *before, const DayRules *rules)
{
	Memo *memo = memo_of(stylist, service);
	MemoryContext caller;

	/* A computation within another's query could take what that one is using. */
	if (!before->usable || !sources_settled())
		return;
	if (memo->context == NULL)
		memo->context = AllocSetContextCreate(TopMemoryContext, "availability_cache rules", ALLOCSET_SMALL_SIZES);
	/* Nothing is remembered if there is no memory for it. */
	memo->generation = 0;
	MemoryContextReset(memo->context);
	caller = MemoryContextSwitchTo(memo->context);
	memo->rules = *rules;
	memo->rules.default_timezone = pstrdup(rules->default_timezone);
	memo->rules.display_format = pstrdup(rules->display_format);
	memo->rules.non_blocking = copy_statuses(rules->non_blocking);
	memo->rules.holding = copy_statuses(rules->holding);
	MemoryContextSwitchTo(caller);
	memo->stylist = *stylist;
	memo->service = *service;
	memcpy(memo->words, before->words, sizeof(memo->words));
	memo->generation = sources_generation();
}
