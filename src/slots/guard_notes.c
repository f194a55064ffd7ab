/*
 * guard_notes.c
 *		Which appointments this transaction makes and takes away.
 *
 * Noted are changes of rows, in their order.  What is to be checked is found
 * when it is asked for: of equal appointments only how many there are matters,
 * so one that goes and comes again, or changes places with another, is no new
 * one.  Nobody can have taken its time meanwhile: to others the old rows are
 * there until the transaction is over.
 *
 * An UPDATE that takes no new time is exempt, unless what it changes is new
 * itself.  So bad rows that exist can be shortened.  Where appointments are
 * counted, the later start may be on another date: that one is looked at.  It gives nothing
 * back: part of the old time is still taken.
 *
 * So whatever is not checked lies within a row that was there, each within
 * another: two of them meet only if those did.
 *
 * What a rolled back savepoint did is forgotten: all that was noted by its
 * subtransaction or by later ones, which were within it.
 *
 * Memory: the transaction's.  Locking: none; this is of one backend.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "base/test_hooks.h"
#include "slots/guard_notes.h"

typedef struct Note
{
	Appointment before;
	Appointment after;
	bool has_before;
	bool has_after;
	SubTransactionId subtransaction;
} Note;

static Note *notes = NULL;
static int nnotes = 0;
static int room = 0;
static SubTransactionId unreadable = InvalidSubTransactionId;

static void
undo_notes(SubXactEvent event, SubTransactionId subtransaction, SubTransactionId parent, void *arg)
{
	int kept = 0;

	if (event != SUBXACT_EVENT_ABORT_SUB || AC_MUTATED(AC_MUTANT_GUARD_KEEPS_UNDONE))
		return;
	for (int i = 0; i < nnotes; i++)
	{
		if (notes[i].subtransaction < subtransaction)
			notes[kept++] = notes[i];
	}
	nnotes = kept;
	if (unreadable >= subtransaction)
		unreadable = InvalidSubTransactionId;
}

void
guard_notes_init(void)
{
	RegisterSubXactCallback(undo_notes, NULL);
}

static Note *
add_note(void)
{
	if (nnotes == room)
	{
		Size wanted = Max(2 * room, 16);

		if (notes == NULL)
			notes = MemoryContextAlloc(TopTransactionContext, wanted * sizeof(Note));
		else
			notes = repalloc_huge(notes, wanted * sizeof(Note));
		room = wanted;
	}
	memset(&notes[nnotes], 0, sizeof(Note));
	return &notes[nnotes++];
}

void
guard_note(const Appointment *before, const Appointment *after)
{
	Note *note;

	if ((before == NULL && after == NULL) ||
		(before != NULL && after != NULL && memcmp(before, after, sizeof(*before)) == 0))
		return;
	note = add_note();
	note->has_before = before != NULL;
	note->has_after = after != NULL;
	if (before != NULL)
		note->before = *before;
	if (after != NULL)
		note->after = *after;
	note->subtransaction = GetCurrentSubTransactionId();
}

void
guard_note_unreadable(void)
{
	if (unreadable == InvalidSubTransactionId)
		unreadable = GetCurrentSubTransactionId();
}

bool
guard_notes_any(void)
{
	return nnotes > 0 || guard_notes_unreadable();
}

bool
guard_notes_any_update(void)
{
	for (int i = 0; i < nnotes; i++)
	{
		if (notes[i].has_before && notes[i].has_after)
			return true;
	}
	return false;
}

bool
guard_notes_unreadable(void)
{
	return unreadable != InvalidSubTransactionId;
}

void
guard_notes_forget(void)
{
	notes = NULL;
	nnotes = room = 0;
	unreadable = InvalidSubTransactionId;
}

/* ---- what is new ---- */

/* Of equal appointments. */
typedef struct Balance
{
	Appointment key;
	int64 more;	  /* than there were */
	int64 exempt; /* of them */
} Balance;

static Balance *
balance_of(HTAB *balances, const Appointment *appointment)
{
	bool found;
	Balance *balance = hash_search(balances, appointment, HASH_ENTER, &found);

	if (!found)
		balance->more = balance->exempt = 0;
	return balance;
}

static bool
takes_no_new_time(const Appointment *before, const Appointment *after, bool starts_matter)
{
	return memcmp(&before->stylist, &after->stylist, UUID_LEN) == 0 && before->is_hold == after->is_hold &&
		   before->has_service == after->has_service &&
		   memcmp(&before->service, &after->service, UUID_LEN) == 0 &&
		   (starts_matter ? before->at.start == after->at.start : before->at.start <= after->at.start) &&
		   after->at.end <= before->at.end && before->has_resource == after->has_resource &&
		   memcmp(&before->resource, &after->resource, UUID_LEN) == 0 && after->expires <= before->expires &&
		   after->seats <= before->seats;
}

static void
settle(HTAB *balances, const Note *note, bool starts_matter)
{
	bool exempt = false;
	Balance *balance;

	if (note->has_before)
	{
		balance = balance_of(balances, &note->before);
		exempt = note->has_after && balance->more - balance->exempt <= 0 &&
				 takes_no_new_time(&note->before, &note->after, starts_matter);
		if (!exempt || AC_MUTATED(AC_MUTANT_GUARD_LENDS))
			balance->more--;
		if (!exempt && balance->exempt > 0)
			balance->exempt--;
	}
	if (note->has_after)
	{
		balance = balance_of(balances, &note->after);
		balance->more++;
		balance->exempt += exempt;
	}
}

/* As below, of a transaction that wrote one row: what most are. */
static List *
new_of_one(const Note *note, bool starts_matter)
{
	if (!note->has_after ||
		(note->has_before && takes_no_new_time(&note->before, &note->after, starts_matter)))
		return NIL;
	return list_make1(memcpy(palloc(sizeof(Appointment)), &note->after, sizeof(Appointment)));
}

List *
guard_notes_new(bool starts_matter)
{
	HASHCTL control = {.keysize = sizeof(Appointment),
					   .entrysize = sizeof(Balance),
					   .hcxt = CurrentMemoryContext};
	HTAB *balances;
	HASH_SEQ_STATUS sequence;
	const Balance *balance;
	List *found = NIL;

	if (nnotes == 1)
		return new_of_one(&notes[0], starts_matter);
	balances = hash_create("availability_cache guard", 256, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	for (int i = 0; i < nnotes; i++)
		settle(balances, &notes[i], starts_matter);
	hash_seq_init(&sequence, balances);
	while ((balance = hash_seq_search(&sequence)) != NULL)
	{
		if (balance->more > balance->exempt)
			found = lappend(found, memcpy(palloc(sizeof(Appointment)), &balance->key, sizeof(Appointment)));
	}
	return found;
}
