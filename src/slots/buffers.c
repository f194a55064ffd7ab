/*
 * buffers.c
 *		The services' buffers: what is kept free around appointments of each.
 *
 * A session remembers them as it remembers rules (rules_memo.c), by service;
 * and the level that none is above.
 *
 * Locking: none.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "utils/array.h"
#include "utils/timestamp.h"

#include "base/settings.h"
#include "base/shmem.h"
#include "slots/buffers.h"
#include "slots/memo.h"
#include "slots/queries.h"
#include "slots/result.h"
#include "slots/rules.h"
#include "slots/sources.h"
#include "slots/tags.h"

#define MINUTES(n) ((n) *SECS_PER_MINUTE * USECS_PER_SEC)

const int64 buffer_levels[BUFFER_LEVELS] =
	{0, MINUTES(15), MINUTES(30), MINUTES(60), MINUTES(120), MINUTES(240), MINUTES(480), USECS_PER_DAY};

#define NMEMOS 256
/* The service has no such buffer. */
#define NONE PG_INT64_MIN

/* As the service's rows have it. */
typedef struct OwnBuffers
{
	int64 before;
	int64 after;
} OwnBuffers;

typedef struct BuffersMemo
{
	MemoBase base;
	pg_uuid_t service;
	OwnBuffers own;
} BuffersMemo;

static BuffersMemo memos[NMEMOS];

static struct
{
	MemoBase base;
	int level;
} level_memo;

int
uuid_order(const void *a, const void *b)
{
	return memcmp(a, b, UUID_LEN);
}

static bool
services_have_buffers(void)
{
	return source_column(SOURCE_SERVICES, "buffer_before_minutes") != NULL ||
		   source_column(SOURCE_SERVICES, "buffer_after_minutes") != NULL;
}

bool
buffers_matter(void)
{
	return services_have_buffers() && (source_column(SOURCE_BOOKINGS, "service_id") != NULL ||
									   source_column(SOURCE_RESERVATIONS, "service_id") != NULL);
}

static int
read_level(void)
{
	int64 longest = 0;
	int level = 0;

	if (query_run(QUERY_LONGEST_BUFFER, NULL, NULL) == 1)
		longest = rules_bound_buffer(result_int64(0, 1, 0));
	while (longest > buffer_levels[level])
		level++;
	return level;
}

int
buffers_level(uint64 clock)
{
	/* To look a day around is cheaper than to ask all services each time, and nobody will keep the answer. */
	if (clock == NO_CLOCK && (ac_shared_memory_ready || ac_table_tier == TABLE_TIER_OFF))
		return BUFFER_LEVELS - 1;
	if (!memo_is_good(&level_memo.base, clock))
	{
		level_memo.level = read_level();
		(void) memo_rest_on(&level_memo.base, clock, tag_of_buffers_above(0));
	}
	return level_memo.level;
}

static BuffersMemo *
memo_of(const pg_uuid_t *service)
{
	return &memos[hash_bytes((const unsigned char *) service, UUID_LEN) % NMEMOS];
}

/* Of services that are sorted, each once. */
static void
read_buffers(const pg_uuid_t *services, int n, OwnBuffers *own)
{
	Datum *ids = palloc(n * sizeof(Datum));
	Datum args[1];
	uint64 nrows;

	for (int i = 0; i < n; i++)
	{
		ids[i] = UUIDPGetDatum(&services[i]);
		own[i] = (OwnBuffers){NONE, NONE};
	}
	args[0] = PointerGetDatum(construct_array(ids, n, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR));
	nrows = query_run(QUERY_BUFFERS, NULL, args);
	for (uint64 row = 0; row < nrows; row++)
	{
		bool isnull;
		pg_uuid_t *id = DatumGetUUIDP(result_datum(row, 1, &isnull));
		const pg_uuid_t *found = bsearch(id, services, n, sizeof(pg_uuid_t), uuid_order);

		if (found != NULL)
			own[found - services] = (OwnBuffers){result_int64(row, 2, NONE), result_int64(row, 3, NONE)};
	}
}

static void
remember(const pg_uuid_t *service, OwnBuffers own, uint64 clock)
{
	BuffersMemo *memo = memo_of(service);

	(void) memo_rest_on(&memo->base, clock, tag_of_buffers(service));
	memo->service = *service;
	memo->own = own;
}

static SlotBuffers
counted(OwnBuffers own, SlotBuffers otherwise)
{
	return (SlotBuffers){own.before == NONE ? otherwise.before : rules_bound_buffer(own.before),
						 own.after == NONE ? otherwise.after : rules_bound_buffer(own.after)};
}

void
buffers_of(const pg_uuid_t *services, int n, uint64 clock, SlotBuffers otherwise, SlotBuffers *buffers)
{
	pg_uuid_t *unknown = palloc(Max(n, 1) * sizeof(pg_uuid_t));
	int *places = palloc(Max(n, 1) * sizeof(int));
	OwnBuffers *own;
	int nunknown = 0;

	for (int i = 0; i < n; i++)
	{
		const BuffersMemo *memo = memo_of(&services[i]);

		if (!services_have_buffers())
			buffers[i] = otherwise;
		else if (uuid_order(&memo->service, &services[i]) == 0 && memo_is_good(&memo->base, clock))
			buffers[i] = counted(memo->own, otherwise);
		else
		{
			places[nunknown] = i;
			unknown[nunknown++] = services[i];
		}
	}
	if (nunknown == 0)
		return;
	own = palloc(nunknown * sizeof(OwnBuffers));
	read_buffers(unknown, nunknown, own);
	for (int i = 0; i < nunknown; i++)
	{
		buffers[places[i]] = counted(own[i], otherwise);
		remember(&unknown[i], own[i], clock);
	}
}
