/*
 * result.h
 *		Values of the rows that SPI_tuptable has.
 */
#ifndef AC_SLOTS_RESULT_H
#define AC_SLOTS_RESULT_H

extern Datum result_datum(uint64 row, int column, bool *isnull);
/* NULL gives the default. */
extern int64 result_int64(uint64 row, int column, int64 if_null);
extern bool result_bool(uint64 row, int column, bool if_null);
/* In the caller's memory context; NULL stays NULL. */
extern char *result_text(uint64 row, int column);

#endif /* AC_SLOTS_RESULT_H */
