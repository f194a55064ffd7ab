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
	{"availability_cache.health_hit_ratio", "Share of hits in per cent below which health warns.", 60, 100, 0},
	{"availability_cache.health_errors", "Errors a minute above which health warns.", 5, PG_INT32_MAX, 0},
	{"availability_cache.health_compute_time", "Time above which health warns of a hundredth of the computations.",
	 1000, PG_INT32_MAX, GUC_UNIT_MS},
	{"availability_cache.health_evictions",
	 "Evictions of answers that were still good, in per cent of those kept, above which health warns.", 5, 100, 0},
	{"availability_cache.health_not_kept",
	 "Share of computations in per cent whose answer cannot be kept, above which health warns.", 10, 100, 0},
	{"availability_cache.health_dead_rows", "Dead rows in the table tier's tables above which health warns.", 100000,
	 PG_INT32_MAX, 0},
	{"availability_cache.health_prepared", "Age of a prepared transaction above which health warns.", 60, PG_INT32_MAX,
	 GUC_UNIT_S},
};

void
thresholds_define(void)
{
	for (int i = 0; i < lengthof(thresholds); i++)
		DefineCustomIntVariable(thresholds[i].name, thresholds[i].description, NULL, &thresholds[i].value,
								thresholds[i].standard, 0, thresholds[i].most, PGC_SUSET, thresholds[i].flags, NULL,
								NULL, NULL);
}
