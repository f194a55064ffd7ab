/*
 * watch_trigger.h
 *		The trigger on watched tables.
 */
#ifndef AC_ENTRY_WATCH_TRIGGER_H
#define AC_ENTRY_WATCH_TRIGGER_H

extern void watch_trigger_init(void);

#endif /* AC_ENTRY_WATCH_TRIGGER_H */
