/*
 * long_bookings.c
 *		A stylist's bookings that take more than a day, which a session remembers.
 *
 * One that reaches into a day may have begun at any time before it: to find
 * those there are takes an index that holds only them, or a look at all of
 * the stylist's bookings, in each partition.  There are few, they seldom
 * change, and whoever changes one touches a tag that says so.  What took
 * long to find other sessions get too (long_shared.c).
 *
 * Locking: none.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "common/hashfn.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "cache/changes.h"
#include "slots/long_bookings.h"
#include "slots/memo.h"
#include "slots/sources.h"
#include "slots/tags.h"

#define NMEMOS 256
/* Of more the memory is not worth it. */
#define MAX_REMEMBERED 8
/* To look at so many bookings takes longer than to fetch from memory. */
#define WORTH_SHARING 64

typedef struct LongBookingsMemo
{
	MemoBase base;
	LongBookings found;
	LongBooking bookings[MAX_REMEMBERED];
} LongBookingsMemo;

static LongBookingsMemo memos[NMEMOS];

/* As adding a day to the start's reading in UTC has it. */
bool
booking_is_long(int64 start, int64 end)
{
	if (TIMESTAMP_NOT_FINITE(start))
		return end > start;
	return end > start + USECS_PER_DAY;
}

void
long_bookings_add(LongBookings *found, const LongBooking *booking)
{
	if (found->n == found->room)
	{
		found->room = Max(2 * found->room, MAX_REMEMBERED);
		found->bookings = found->bookings == NULL
							  ? palloc(found->room * sizeof(LongBooking))
							  : repalloc(found->bookings, found->room * sizeof(LongBooking));
	}
	found->bookings[found->n++] = *booking;
}

static void
remember(LongBookingsMemo *memo, const LongBookings *found, uint64 clock)
{
	if (!memo_rest_on(&memo->base, clock, tag_of_long_bookings(&found->stylist)))
		return;
	memo->found = *found;
	memo->found.bookings = memo->bookings;
	if (found->n > 0)
		memcpy(memo->bookings, found->bookings, found->n * sizeof(LongBooking));
}

/* Partitions are all opened, which takes a session time and memory. */
static bool
is_worth_sharing(const LongBookings *found)
{
	return found->visited >= WORTH_SHARING ||
		   get_rel_relkind(source_relid(SOURCE_BOOKINGS)) == RELKIND_PARTITIONED_TABLE;
}

const LongBookings *
long_bookings_of(const pg_uuid_t *stylist, const QueryStatuses *blocking, uint64 clock,
				 bool (*scan)(LongBookings *found))
{
	LongBookingsMemo *memo = &memos[hash_bytes((const unsigned char *) stylist, UUID_LEN) % NMEMOS];
	LongBookings *found;

	/* The guard asks with bookings of this transaction's own, which nobody else is to know of. */
	if (clock != NO_CLOCK && changes_has_touched(tag_of_long_bookings(stylist)))
		clock = NO_CLOCK;
	if (memcmp(&memo->found.stylist, stylist, UUID_LEN) == 0 && memo_is_good(&memo->base, clock))
		return &memo->found;
	found = palloc0(sizeof(*found));
	found->stylist = *stylist;
	found->blocking = blocking;
	if (!long_shared_fetch(found, clock))
	{
		if (!scan(found))
			return NULL;
		if (is_worth_sharing(found))
			long_shared_keep(found, clock);
	}
	if (found->n <= MAX_REMEMBERED)
		remember(memo, found, clock);
	return found;
}
