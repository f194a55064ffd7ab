/*
 * result.c
 *		Values of the rows that SPI_tuptable has.
 */
#include "postgres.h"

#include "executor/spi.h"

#include "slots/result.h"

Datum
result_datum(uint64 row, int column, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, isnull);
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
	return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column);
}
