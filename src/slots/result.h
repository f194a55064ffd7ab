/*
 * result.h
 *		Values of the rows that were read last: by a query, or without one.
 */
#ifndef AC_SLOTS_RESULT_H
#define AC_SLOTS_RESULT_H

#define RESULT_MAX_COLUMNS 13

extern Datum result_datum(uint64 row, int column, bool *isnull);
/* NULL gives the default. */
extern int64 result_int64(uint64 row, int column, int64 if_null);
extern bool result_bool(uint64 row, int column, bool if_null);
/* In the caller's memory context; NULL stays NULL. */
extern char *result_text(uint64 row, int column);

/* ---- for who reads them ---- */

/* Those that SPI_tuptable has. */
extern void result_use_spi(void);

/* A row that was read without a query; its values stay where they are. */
typedef struct ResultRow
{
	Datum values[RESULT_MAX_COLUMNS];
	bool nulls[RESULT_MAX_COLUMNS];
} ResultRow;

/* Rows in the current memory context. */
typedef struct ResultRows
{
	ResultRow *rows;
	int n;
	int room;
} ResultRows;

/* Another row, of zeros. */
extern ResultRow *result_add(ResultRows *rows);

/* They are read from now on; as long as their memory context lasts. */
extern void result_use(const ResultRows *rows);

#endif /* AC_SLOTS_RESULT_H */
