/*
 * thresholds.c
 *		The settings availability_cache.health_*, which the view health goes by.
 *
 * SQL reads them.
 */
#include "postgres.h"

#include "utils/guc.h"

#include "base/thresholds.h"

typedef struct Threshold
{
	const char *name;
	const char *description;
	int standard;
	int most;
	int flags;
	int value;
} Threshold;

static Threshold thresholds[] = {
	{"availability_cache.health_hit_ratio", "Warn of a share of hits, in per cent, below this.", 60, 100, 0},
	{"availability_cache.health_errors", "Warn of more errors a minute than this.", 5, PG_INT32_MAX, 0},
	{"availability_cache.health_compute_time", "Warn if one computation in a hundred takes longer than this.",
	 1000, PG_INT32_MAX, GUC_UNIT_MS},
	{"availability_cache.health_evictions",
	 "Warn if more of the answers kept, in per cent, go while they are good.", 5, 100, 0},
	{"availability_cache.health_not_kept",
	 "Warn if the answers of more computations, in per cent, cannot be kept.", 10, 100, 0},
	{"availability_cache.health_dead_rows", "Warn of more dead rows in the table tier's tables than this.",
	 100000, PG_INT32_MAX, 0},
	{"availability_cache.health_prepared",
	 "Warn of a prepared transaction that holds cells for longer than this.", 60, PG_INT32_MAX, GUC_UNIT_S},
};

void
thresholds_define(void)
{
	for (int i = 0; i < lengthof(thresholds); i++)
		DefineCustomIntVariable(thresholds[i].name, thresholds[i].description,
								"availability_cache.health shows it.", &thresholds[i].value,
								thresholds[i].standard, 0, thresholds[i].most, PGC_SUSET, thresholds[i].flags,
								NULL, NULL, NULL);
}
