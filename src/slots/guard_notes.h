/*
 * guard_notes.h
 *		Which appointments this transaction makes and takes away.
 */
#ifndef AC_SLOTS_GUARD_NOTES_H
#define AC_SLOTS_GUARD_NOTES_H

#include "nodes/pg_list.h"

#include "slots/appointment.h"

extern void guard_notes_init(void);

/* A row changes from one to the other; NULL: it takes no time, or is not there. */
extern void guard_note(const Appointment *before, const Appointment *after);
/* A row changes that cannot be read. */
extern void guard_note_unreadable(void);

extern bool guard_notes_any(void);
/* Whether one appointment changed into another. */
extern bool guard_notes_any_update(void);
extern bool guard_notes_unreadable(void);

/*
 * Those that are more than there were, each once, in the current memory context.
 * starts_matter: also where they begin.
 */
extern List *guard_notes_new(bool starts_matter);

/* When the transaction is over. */
extern void guard_notes_forget(void);

#endif /* AC_SLOTS_GUARD_NOTES_H */
