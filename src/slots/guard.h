/*
 * guard.h
 *		Lets no transaction commit an appointment that the rules do not allow.
 */
#ifndef AC_SLOTS_GUARD_H
#define AC_SLOTS_GUARD_H

#include "slots/appointment.h"

extern void guard_init(void);

/*
 * A row of an attached table of bookings or holds changes, as with guard_note.
 * Raises what guard_check raises where the transaction is committing already.
 */
extern void guard_row_changes(const Appointment *before, const Appointment *after);

/* The same of a row that cannot be read. */
extern void guard_unreadable_row_changes(void);

/*
 * Checks what this transaction has made so far; other transactions that take
 * time on the same days wait until it is over.  Raises 23P01 with the reason's name
 * as detail, 40001 where the transaction's snapshot is too old to know, and
 * what computing raises.
 */
extern void guard_check(void);

/* Of a resource that is asked for, or was given. */
typedef struct GuardedResource
{
	bool named;
	pg_uuid_t id;
} GuardedResource;

/*
 * Locks the days of a slot of a stylist until the transaction is over, and
 * says whether it may be taken then, by the newest snapshot.  *end DT_NOEND: it
 * is the slot of the service that starts then, whose end is set; else only
 * other bookings and holds are looked at, and service may be NULL.  A resource that the
 * service needs is named, if it is not, and one is certain.  40001: the slot changed while
 * others were waited for.
 */
extern SlotReason guard_reserve(const pg_uuid_t *stylist, const pg_uuid_t *service, int64 start, int64 *end,
								int64 seats, GuardedResource *resource);

#endif /* AC_SLOTS_GUARD_H */
