/*
 * compat.h
 *		What floor.c needs and PostgreSQL 15 does not have, or has elsewhere.
 */
#ifndef BENCH_COMPAT_H
#define BENCH_COMPAT_H

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

#include "utils/uuid.h"

#ifndef palloc_array
#define palloc_array(type, count) ((type *) palloc(sizeof(type) * (count)))
#define palloc0_array(type, count) ((type *) palloc0(sizeof(type) * (count)))
#endif

#endif /* BENCH_COMPAT_H */
