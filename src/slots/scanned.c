/*
 * scanned.c
 *		Values of a row as it lies in an attached table.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "slots/scanned.h"
#include "slots/sources.h"
#include "slots/span.h"

/* Beyond all limits; query_text.c has the same. */
#define MAX_SPAN_SECONDS INT64CONST(100000000000)

bool
scanned_is_of(const ScannedRow *row, int i, const pg_uuid_t *id)
{
	bool isnull;
	Datum value = scanned_value(row, i, &isnull);

	return !isnull && memcmp(DatumGetUUIDP(value), id, UUID_LEN) == 0;
}

bool
scanned_is_null(const ScannedRow *row, int i)
{
	bool isnull;

	(void) scanned_value(row, i, &isnull);
	return isnull;
}

bool
scanned_bool(const ScannedRow *row, int i, bool if_null)
{
	bool isnull;
	Datum value = scanned_value(row, i, &isnull);

	return isnull ? if_null : DatumGetBool(value);
}

int64
scanned_integer(const ScannedRow *row, int i, bool *isnull)
{
	Datum value = scanned_value(row, i, isnull);

	if (*isnull)
		return 0;
	switch (source_column_at(row->role, i)->type)
	{
		case INT2OID:
			return DatumGetInt16(value);
		case INT4OID:
			return DatumGetInt32(value);
		default:
			return DatumGetInt64(value);
	}
}

DateADT
scanned_date(const ScannedRow *row, int i, DateADT if_null)
{
	bool isnull;
	Datum value = scanned_value(row, i, &isnull);

	return isnull ? if_null : DatumGetDateADT(value);
}

bool
scanned_times(const ScannedRow *row, int start, int end, SlotInterval *at)
{
	bool no_start;
	bool no_end;

	at->start = DatumGetTimestampTz(scanned_value(row, start, &no_start));
	at->end = DatumGetTimestampTz(scanned_value(row, end, &no_end));
	return !no_start && !no_end;
}

/* ---- text ---- */

static char *
label_of(Oid value)
{
	HeapTuple tuple = SearchSysCache1(ENUMOID, ObjectIdGetDatum(value));
	char *label;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for enum value %u", value);
	label = pstrdup(NameStr(((Form_pg_enum) GETSTRUCT(tuple))->enumlabel));
	ReleaseSysCache(tuple);
	return label;
}

/* As the cast to text has it. */
char *
scanned_text(const ScannedRow *row, int i)
{
	bool isnull;
	Datum value = scanned_value(row, i, &isnull);
	char *shown;

	if (isnull)
		return NULL;
	if (type_is_enum(source_column_at(row->role, i)->type))
		return label_of(DatumGetObjectId(value));
	shown = TextDatumGetCString(value);
	if (source_column_at(row->role, i)->type == BPCHAROID)
	{
		int length = strlen(shown);

		while (length > 0 && shown[length - 1] == ' ')
			length--;
		shown[length] = '\0';
	}
	return shown;
}

/* ---- spans ---- */

static int64
bounded(int128 microseconds)
{
	int128 most = (int128) MAX_SPAN_SECONDS * USECS_PER_SEC;

	return (int64) (microseconds > most ? most : microseconds < -most ? -most : microseconds);
}

/* As extract(epoch FROM interval): a year has 365.25 days, a month 30. */
static int64
interval_span(const Interval *span)
{
	int128 days = (int128) (span->month % MONTHS_PER_YEAR) * DAYS_PER_MONTH + span->day;
	int128 quarters = (int128) (span->month / MONTHS_PER_YEAR) * (int) (4 * DAYS_PER_YEAR) + 4 * days;

	return bounded(quarters * (USECS_PER_DAY / 4) + span->time);
}

int64
scanned_span(const ScannedRow *row, int i, bool *isnull)
{
	const SourceColumn *column = source_column_at(row->role, i);
	int unit;

	if (column == NULL || column->type == INTERVALOID)
	{
		Datum value = scanned_value(row, i, isnull);

		return *isnull ? 0 : interval_span(DatumGetIntervalP(value));
	}
	unit = span_unit(column->name, source_roles[row->role].columns[i].name);
	return bounded((int128) scanned_integer(row, i, isnull) * unit * USECS_PER_SEC);
}
