/*
 * buffers.h
 *		The services' buffers: what is kept free around appointments of each.
 *
 * A booking of any service may reach into a day, however far away it is, if
 * that service's buffers are long enough.  So that an answer need not depend
 * on days around its own, it depends on no service having a buffer above a
 * level: the levels are a few lengths up to a day, the longest that a buffer
 * counts as.
 */
#ifndef AC_SLOTS_BUFFERS_H
#define AC_SLOTS_BUFFERS_H

#include "utils/uuid.h"

#include "slots/kernel.h"

#define BUFFER_LEVELS 8

/* In microseconds; that of level 0 is 0, and that of the last is a day. */
extern const int64 buffer_levels[BUFFER_LEVELS];

/* Whether services of bookings or holds are known, and their buffers, under the mapping that is loaded. */
extern bool buffers_matter(void);

/*
 * A level that no service's buffer is above, under the active snapshot: the
 * lowest, or the last.  clock is as a CacheRequest's compute gets it.
 * Changes with tag_of_buffers_above(0).
 */
extern int buffers_level(uint64 clock);

/*
 * The buffers of these services, which are sorted by uuid_order, each once:
 * its own, or else those otherwise meant.  That of each changes with
 * tag_of_buffers of it.
 */
extern void
buffers_of(const pg_uuid_t *services, int n, uint64 clock, SlotBuffers otherwise, SlotBuffers *buffers);

/* For qsort and bsearch. */
extern int uuid_order(const void *a, const void *b);

#endif /* AC_SLOTS_BUFFERS_H */
