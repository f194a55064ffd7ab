/*
 * kept_own_days.h
 *		Days by rules.compute_function as rows of private.availability_cache.
 */
#ifndef AC_ENTRY_KEPT_OWN_DAYS_H
#define AC_ENTRY_KEPT_OWN_DAYS_H

#include "utils/date.h"
#include "utils/uuid.h"

#include "table/rows.h"

/* At loading. */
extern void kept_own_days_init(void);

extern const RowKind kept_own_days;

/*
 * To be called where such a day is computed: as the built-in rules' it goes
 * when its row is deleted by hand, and its row when that day is booked.
 */
extern void kept_own_days_note(const pg_uuid_t *stylist, DateADT date);

#endif /* AC_ENTRY_KEPT_OWN_DAYS_H */
