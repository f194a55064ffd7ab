/*
 * answer_text.c
 *		How times read in answers, whatever the session's settings.
 */
#include "postgres.h"

#include "answer_text.h"
#include "utils/datetime.h"

/* Two digits. */
static inline void
write_pair(char *out, int n)
{
	out[0] = '0' + n / 10;
	out[1] = '0' + n % 10;
}

static void
write_date(DateText *date, int64 day)
{
	int y;
	int m;
	int d;

	j2date(day + POSTGRES_EPOCH_JDATE, &y, &m, &d);
	date->day = day;
	write_pair(date->text, y / 100);
	write_pair(date->text + 2, y % 100);
	date->text[4] = date->text[7] = '-';
	write_pair(date->text + 5, m);
	write_pair(date->text + 8, d);
}

void
write_local(char *out, Timestamp t, DateText *date)
{
	int64 seconds = t / USECS_PER_SEC;
	int64 day = seconds / SECS_PER_DAY;
	int of_day = seconds % SECS_PER_DAY;

	if (of_day < 0)
	{
		of_day += SECS_PER_DAY;
		day--;
	}
	if (day != date->day)
		write_date(date, day);
	memcpy(out, date->text, sizeof(date->text));
	out[10] = 'T';
	write_pair(out + 11, of_day / SECS_PER_HOUR);
	out[13] = out[16] = ':';
	write_pair(out + 14, of_day / SECS_PER_MINUTE % 60);
	write_pair(out + 17, of_day % 60);
}

void
write_utc(char *out, TimestampTz t, DateText *date)
{
	write_local(out, t, date);
	memcpy(out + LOCAL_TEXT_SIZE, "+00:00", 6);
}

void
write_now(char *out, TimestampTz t)
{
	char fraction[NOW_TEXT_SIZE - LOCAL_TEXT_SIZE + 1];
	DateText date = NO_DATE;

	write_local(out, t, &date);
	snprintf(fraction, sizeof(fraction), ".%06d+00:00", (int) (t % USECS_PER_SEC));
	memcpy(out + LOCAL_TEXT_SIZE, fraction, sizeof(fraction) - 1);
}
