/*
 * events.c
 *		The last things that happened and that somebody may want to know of.
 *
 * A ring in shared memory.  What comes again soon is counted where it is, so
 * that a flood of one thing does not push out the others.
 *
 * Locking: a spinlock over the ring, held to compare with the last few and to
 * copy one event, in or out.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/shmem.h"
#include "storage/spin.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "cache/events.h"

/* Those that are looked at for the same one. */
#define LOOK_BACK 16
#define SAME_WITHIN (60 * USECS_PER_SEC)

typedef struct EventsState
{
	slock_t mutex;
	uint64 next; /* the number of the next one */
	Event ring[MAX_EVENTS];
} EventsState;

static EventsState *state = NULL;

Size
events_shmem_size(void)
{
	return sizeof(EventsState);
}

void
events_shmem_init(void)
{
	bool found;

	state = ShmemInitStruct("availability_cache events", events_shmem_size(), &found);
	if (found)
		return;
	memset(state, 0, sizeof(*state));
	SpinLockInit(&state->mutex);
	state->next = 1;
}

/* Caller holds the lock, for this and the next. */
static Event *
event_at(uint64 number)
{
	return &state->ring[number % MAX_EVENTS];
}

static uint64
oldest(void)
{
	return state->next > MAX_EVENTS ? state->next - MAX_EVENTS : 1;
}

static Event *
find_same(const Event *event)
{
	for (uint64 n = state->next - 1; n >= oldest() && n + LOOK_BACK >= state->next; n--)
	{
		Event *there = event_at(n);

		if (there->kind == event->kind && there->dboid == event->dboid &&
			event->last - there->last < SAME_WITHIN && event->last >= there->last &&
			strcmp(there->key, event->key) == 0)
			return there;
	}
	return NULL;
}

/* Whole characters, as many as there is room for. */
static void
copy_text(char *to, const char *from, int room)
{
	int length = strlen(from);

	if (length >= room)
		length = pg_mbcliplen(from, length, room - 1);
	memcpy(to, from, length);
}

void
event_note(EventKind kind, const char *key, const char *detail, int64 duration, uint32 count)
{
	Event event;
	Event *same;

	if (state == NULL)
		return;
	memset(&event, 0, sizeof(event));
	event.kind = kind;
	event.dboid = MyDatabaseId;
	event.first = event.last = GetCurrentTimestamp();
	event.duration = duration;
	event.count = count;
	copy_text(event.key, key, EVENT_KEY_SIZE);
	copy_text(event.detail, detail, EVENT_DETAIL_SIZE);

	SpinLockAcquire(&state->mutex);
	same = find_same(&event);
	if (same != NULL)
	{
		event.number = same->number;
		event.first = same->first;
		event.count += same->count;
		*same = event;
	}
	else
	{
		event.number = state->next++;
		*event_at(event.number) = event;
	}
	SpinLockRelease(&state->mutex);
}

void
events_range(uint64 *first, uint64 *next)
{
	SpinLockAcquire(&state->mutex);
	*first = oldest();
	*next = state->next;
	SpinLockRelease(&state->mutex);
}

bool
event_read(uint64 number, Event *out)
{
	SpinLockAcquire(&state->mutex);
	*out = *event_at(number);
	SpinLockRelease(&state->mutex);
	return out->number == number;
}

bool
event_last(EventKind kind, Oid dboid, Event *out)
{
	uint64 first;
	uint64 next;

	if (state == NULL)
		return false;
	events_range(&first, &next);
	for (uint64 n = next - 1; n >= first; n--)
	{
		if (event_read(n, out) && out->kind == kind && out->dboid == dboid)
			return true;
	}
	return false;
}
