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

#endif /* AC_SLOTS_GUARD_H */
