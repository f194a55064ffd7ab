/*
 * span.c
 *		Columns of kind span: intervals, or integers in a unit that a name says.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "slots/span.h"

static bool
ends_with(const char *s, const char *ending)
{
	Size length = strlen(s);

	return length >= strlen(ending) && strcmp(s + length - strlen(ending), ending) == 0;
}

int
span_unit(const char *column, const char *usual_name)
{
	static const struct
	{
		const char *ending;
		int seconds;
	} units[] = {{"_seconds", 1}, {"_minutes", 60}, {"_hours", 3600}, {"_days", 86400}};
	const char *names[] = {column, usual_name};

	for (int n = 0; n < lengthof(names); n++)
	{
		for (int u = 0; u < lengthof(units); u++)
		{
			if (ends_with(names[n], units[u].ending))
				return units[u].seconds;
		}
	}
	return 60;
}

bool
span_is_type(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID || type == INTERVALOID;
}

int64
span_within_day(Datum value, Oid type, int unit)
{
	const Interval *interval;
	double total;
	int64 n;

	if (type != INTERVALOID)
	{
		n = type == INT2OID	  ? DatumGetInt16(value)
			: type == INT4OID ? DatumGetInt32(value)
							  : DatumGetInt64(value);
		/* Before multiplying, which could overflow. */
		return Min(Max(Min(n, SECS_PER_DAY), -SECS_PER_DAY) * unit, SECS_PER_DAY) * USECS_PER_SEC;
	}
	interval = DatumGetIntervalP(value);
	if (interval->month != 0)
		return USECS_PER_DAY;
	total = interval->time + (double) interval->day * USECS_PER_DAY;
	return total >= USECS_PER_DAY ? USECS_PER_DAY : Max(total, -USECS_PER_DAY);
}
