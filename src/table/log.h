/*
 * log.h
 *		The traces that writers leave for the table tier.
 */
#ifndef AC_TABLE_LOG_H
#define AC_TABLE_LOG_H

#include "cache/tag.h"

/*
 * Before changes_init's, which may not be followed by changes of definitions:
 * callbacks run last-registered first.
 */
extern void tier_log_init(void);

/*
 * Says what this transaction changes, from a row trigger or the like: when it
 * commits its traces are there.  That never waits, and raises what
 * base/guard.h lets through, and 55006 when traces can be left nowhere.
 */
extern void tier_log_tag(Tag tag);
extern void tier_log_everything(void);

extern bool tier_log_has(Tag tag);
/* So many tags have been said that one for several of those to come is better. */
extern bool tier_log_is_crowded(void);

/* Traces are gone that rows may need: when this transaction commits no row is trusted. */
extern void tier_log_lost(const char *why);

/* Who deletes rows that the changes outdate, for who looks at the tables; readers do not depend on it. */
typedef struct LogListener
{
	/*
	 * So many traces are written, and an error undoes them; false if there may be rows
	 * that are left to cleaning.
	 */
	bool (*written)(int ntraces);
	/* The transaction is over. */
	void (*ended)(void);
} LogListener;

extern void tier_log_listen(const LogListener *listener);

#endif /* AC_TABLE_LOG_H */
