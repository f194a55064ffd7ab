/*
 * log.h
 *		The traces that writers leave for the table tier.
 */
#ifndef AC_TABLE_LOG_H
#define AC_TABLE_LOG_H

#include "utils/date.h"
#include "utils/uuid.h"

#include "cache/tag.h"

/* Before changes_init's, which may not be followed by changes of definitions: callbacks run last-registered first. */
extern void tier_log_init(void);

/*
 * Says what this transaction changes, from a row trigger or the like: when it
 * commits its traces are there.  That never waits, and raises what
 * base/guard.h lets through, and 55006 when traces can be left nowhere.  Days are UTC days.
 */
extern void tier_log_days(const pg_uuid_t *stylist, DateADT first, DateADT last);
extern void tier_log_stylist(const pg_uuid_t *stylist);
extern void tier_log_tag(Tag tag);
extern void tier_log_everything(void);

/* Traces are gone that rows may need: when this transaction commits no row is trusted. */
extern void tier_log_lost(const char *why);

#endif /* AC_TABLE_LOG_H */
