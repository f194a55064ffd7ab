/*
 * rows.h
 *		What is read for each day, without a query.
 *
 * The results are those that queries.h names.  False: the query is to be
 * asked.  Caller has loaded the mapping; under the active snapshot.
 */
#ifndef AC_SLOTS_ROWS_H
#define AC_SLOTS_ROWS_H

#include "slots/query_text.h"
#include "slots/result.h"

extern bool rows_read(SlotsQuery query, const QueryStatuses *statuses, Datum *args, ResultRows *rows);

#endif /* AC_SLOTS_ROWS_H */
