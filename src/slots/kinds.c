/*
 * kinds.c
 *		Which resources there are of each kind, and which services need one.
 *
 * A session remembers it as it remembers rules (rules_memo.c): all of it, as
 * rooms are few and seldom change.
 *
 * Locking: none.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "slots/buffers.h"
#include "slots/kinds.h"
#include "slots/memo.h"
#include "slots/queries.h"
#include "slots/result.h"
#include "slots/sources.h"
#include "slots/tags.h"

static struct
{
	MemoBase base;
	MemoryContext context;
	ResourceKinds kinds;
} memo;

/* Bookings that cannot name a resource would be taken for ones that take none. */
bool
kinds_matter(void)
{
	return source_attached(SOURCE_RESOURCES) && source_column(SOURCE_SERVICES, "resource_kind") != NULL &&
		   source_column(SOURCE_BOOKINGS, "resource_id") != NULL;
}

static pg_uuid_t
result_uuid(uint64 row, int column)
{
	bool isnull;

	return *DatumGetUUIDP(result_datum(row, column, &isnull));
}

static void
read_resources(ResourceKinds *kinds)
{
	kinds->nresources = query_run(QUERY_RESOURCES, NULL, NULL);
	kinds->resources = palloc(Max(kinds->nresources, 1) * sizeof(Resource));
	for (int i = 0; i < kinds->nresources; i++)
		kinds->resources[i] = (Resource){result_uuid(i, 1), result_text(i, 2)};
}

static void
read_needs(ResourceKinds *kinds)
{
	kinds->nneeds = query_run(QUERY_NEEDS, NULL, NULL);
	kinds->needs = palloc(Max(kinds->nneeds, 1) * sizeof(ResourceNeed));
	for (int i = 0; i < kinds->nneeds; i++)
		kinds->needs[i] = (ResourceNeed){result_uuid(i, 1), result_text(i, 2)};
}

static ResourceKinds
copy_of(const ResourceKinds *kinds)
{
	ResourceKinds copy = *kinds;

	copy.resources = palloc(Max(kinds->nresources, 1) * sizeof(Resource));
	for (int i = 0; i < kinds->nresources; i++)
		copy.resources[i] = (Resource){kinds->resources[i].id, pstrdup(kinds->resources[i].kind)};
	copy.needs = palloc(Max(kinds->nneeds, 1) * sizeof(ResourceNeed));
	for (int i = 0; i < kinds->nneeds; i++)
	{
		copy.needs[i] = kinds->needs[i];
		copy.needs[i].kind = pstrdup(kinds->needs[i].kind);
	}
	return copy;
}

/* Into the memo's own memory; it is not in use by another computation, as nothing is remembered then. */
static void
remember(uint64 clock, const ResourceKinds *kinds)
{
	MemoryContext caller;
	uint64 generation;

	if (!memo_rest_on(&memo.base, clock, tag_of_resources()))
		return;
	generation = memo.base.generation;
	memo.base.generation = 0;
	if (memo.context == NULL)
		memo.context = AllocSetContextCreate(TopMemoryContext, "availability_cache resources",
											 ALLOCSET_SMALL_SIZES);
	MemoryContextReset(memo.context);
	caller = MemoryContextSwitchTo(memo.context);
	memo.kinds = copy_of(kinds);
	MemoryContextSwitchTo(caller);
	memo.base.generation = generation;
}

const ResourceKinds *
kinds_read(uint64 clock)
{
	ResourceKinds *kinds;

	if (memo_is_good(&memo.base, clock))
		return &memo.kinds;
	kinds = palloc0(sizeof(ResourceKinds));
	read_resources(kinds);
	read_needs(kinds);
	remember(clock, kinds);
	return kinds;
}

const ResourceNeed *
kinds_need_of(const ResourceKinds *kinds, const pg_uuid_t *service)
{
	return bsearch(service, kinds->needs, kinds->nneeds, sizeof(ResourceNeed), uuid_order);
}

pg_uuid_t *
kinds_resources(const ResourceKinds *kinds, const char *kind, int *n)
{
	pg_uuid_t *found = palloc(Max(kinds->nresources, 1) * sizeof(pg_uuid_t));

	*n = 0;
	for (int i = 0; i < kinds->nresources; i++)
	{
		if (strcmp(kinds->resources[i].kind, kind) == 0)
			found[(*n)++] = kinds->resources[i].id;
	}
	return found;
}

pg_uuid_t *
kinds_services(const ResourceKinds *kinds, const char *kind, int *n)
{
	pg_uuid_t *found = palloc(Max(kinds->nneeds, 1) * sizeof(pg_uuid_t));

	*n = 0;
	for (int i = 0; i < kinds->nneeds; i++)
	{
		if (strcmp(kinds->needs[i].kind, kind) == 0)
			found[(*n)++] = kinds->needs[i].service;
	}
	return found;
}
