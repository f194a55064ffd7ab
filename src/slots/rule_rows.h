/*
 * rule_rows.h
 *		What the tables say of a stylist, a service and its buffers, without a query.
 *
 * Results and conditions are those of rows.h.
 */
#ifndef AC_SLOTS_RULE_ROWS_H
#define AC_SLOTS_RULE_ROWS_H

#include "slots/query_text.h"
#include "slots/result.h"

extern bool rule_rows_read(SlotsQuery query, Datum *args, ResultRows *rows);

#endif /* AC_SLOTS_RULE_ROWS_H */
