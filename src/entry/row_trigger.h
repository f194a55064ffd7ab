/*
 * row_trigger.h
 *		The trigger on the attached tables.
 */
#ifndef AC_ENTRY_ROW_TRIGGER_H
#define AC_ENTRY_ROW_TRIGGER_H

extern void row_trigger_init(void);

#endif /* AC_ENTRY_ROW_TRIGGER_H */
