/*
 * result.c
 *		Values of the rows that were read last: by a query, or without one.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/builtins.h"

#include "slots/result.h"

/* NULL: those of SPI_tuptable. */
static const ResultRow *in_use = NULL;

void
result_use_spi(void)
{
	in_use = NULL;
}

void
result_use(const ResultRows *rows)
{
	in_use = rows->rows;
}

ResultRow *
result_add(ResultRows *rows)
{
	ResultRow *row;

	if (rows->n == rows->room)
	{
		rows->room = Max(2 * rows->room, 16);
		rows->rows = rows->rows == NULL ? palloc(rows->room * sizeof(ResultRow))
										: repalloc(rows->rows, rows->room * sizeof(ResultRow));
	}
	row = &rows->rows[rows->n++];
	memset(row, 0, sizeof(*row));
	return row;
}

Datum
result_datum(uint64 row, int column, bool *isnull)
{
	if (in_use == NULL)
		return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, isnull);
	*isnull = in_use[row].nulls[column - 1];
	return in_use[row].values[column - 1];
}

int64
result_int64(uint64 row, int column, int64 if_null)
{
	bool isnull;
	Datum value = result_datum(row, column, &isnull);

	return isnull ? if_null : DatumGetInt64(value);
}

bool
result_bool(uint64 row, int column, bool if_null)
{
	bool isnull;
	Datum value = result_datum(row, column, &isnull);

	return isnull ? if_null : DatumGetBool(value);
}

char *
result_text(uint64 row, int column)
{
	if (in_use != NULL)
		return in_use[row].nulls[column - 1] ? NULL : TextDatumGetCString(in_use[row].values[column - 1]);
	return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column);
}
