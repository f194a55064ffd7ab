/*
 * guard_row.h
 *		Rows of attached bookings and holds, as the guard sees them.
 */
#ifndef AC_ENTRY_GUARD_ROW_H
#define AC_ENTRY_GUARD_ROW_H

#include "access/attnum.h"
#include "commands/trigger.h"

/* Which of a table's columns are what; InvalidAttrNumber: not mapped. */
typedef struct GuardColumns
{
	bool is_hold;
	AttrNumber stylist;
	AttrNumber start;
	AttrNumber end;
	AttrNumber status;
	AttrNumber service;
	AttrNumber expires;
	AttrNumber seats;
	AttrNumber resource;
} GuardColumns;

/* A row is written, or goes.  columns NULL: those of the table are not what they should be. */
extern void guard_row_trigger(const GuardColumns *columns, TriggerData *data);

#endif /* AC_ENTRY_GUARD_ROW_H */
