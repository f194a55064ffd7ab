/*
 * resources.c
 *		Whether one of the resources that a service needs is left.
 *
 * docs/rules.md says what takes one (21).  Who names none takes any of them,
 * so all that overlap count, each for one.
 */
#include <stdlib.h>

#include "slots/resources.h"

static int
by_taker(const void *a, const void *b)
{
	int32_t x = ((const ResourceUse *) a)->taker;
	int32_t y = ((const ResourceUse *) b)->taker;

	return (x > y) - (x < y);
}

void
resources_prepare(Resources *resources)
{
	if (resources->nuses > 0)
		qsort(resources->uses, resources->nuses, sizeof(ResourceUse), by_taker);
}

bool
resources_left(const Resources *resources, int64_t start, int64_t end)
{
	const ResourceUse *last = NULL;
	int32_t taken = 0;

	for (int i = 0; i < resources->nuses; i++)
	{
		const ResourceUse *use = &resources->uses[i];

		if (use->at.end <= use->at.start || use->at.start >= end || use->at.end <= start)
			continue;
		taken += last == NULL || last->taker != use->taker;
		last = use;
	}
	return taken < resources->n;
}
