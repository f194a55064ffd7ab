/*
 * team.h
 *		Who offers a service, and a booking that is to be left out.
 *
 * Under the active snapshot; each raises what queries raise.
 */
#ifndef AC_SLOTS_TEAM_H
#define AC_SLOTS_TEAM_H

#include "slots/busy.h"

/* The stylists who offer the service, in order, into room for max; returns how many. */
extern int team_read(const pg_uuid_t *service, pg_uuid_t *stylists, int max);

/*
 * The booking whose primary key reads so; false if there is none, or it takes
 * no time.  *problem is set where the table has no key of one column.
 */
extern bool team_read_booking(const char *key, BookingTaken *booking, const char **problem);

#endif /* AC_SLOTS_TEAM_H */
