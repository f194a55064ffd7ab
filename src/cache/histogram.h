/*
 * histogram.h
 *		Histograms of fixed buckets: each is for values up to twice those of the one before.
 */
#ifndef AC_CACHE_HISTOGRAM_H
#define AC_CACHE_HISTOGRAM_H

#include "port/pg_bitutils.h"

/* The first is for 0 and 1, the last for 2^23 and all that is more. */
#define HISTOGRAM_BUCKETS 24

/* Of ages; computations are in microseconds. */
#define HISTOGRAM_AGE_UNIT (USECS_PER_SEC / 10)

static inline int
histogram_bucket(int64 value)
{
	return value <= 1 ? 0 : Min(pg_leftmost_one_pos64(value), HISTOGRAM_BUCKETS - 1);
}

#endif /* AC_CACHE_HISTOGRAM_H */
