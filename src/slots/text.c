/*
 * text.c
 *		How times read in answers, whatever the session's settings.
 */
#include "postgres.h"

#include "utils/datetime.h"

#include "slots/text.h"

const char digit_pairs[201] = "00010203040506070809"
							  "10111213141516171819"
							  "20212223242526272829"
							  "30313233343536373839"
							  "40414243444546474849"
							  "50515253545556575859"
							  "60616263646566676869"
							  "70717273747576777879"
							  "80818283848586878889"
							  "90919293949596979899";

char clock_texts[MINS_PER_HOUR * HOURS_PER_DAY][CLOCK_TEXT_SIZE];

void
clock_texts_init(void)
{
	for (int minute = 0; minute < lengthof(clock_texts); minute++)
	{
		memcpy(clock_texts[minute], "00:00:00", CLOCK_TEXT_SIZE);
		write_pair(clock_texts[minute], minute / MINS_PER_HOUR);
		write_pair(clock_texts[minute] + 3, minute % MINS_PER_HOUR);
	}
}

void
write_date(char *out, int64 day)
{
	int y;
	int m;
	int d;

	j2date(day + POSTGRES_EPOCH_JDATE, &y, &m, &d);
	write_pair(out, y / 100);
	write_pair(out + 2, y % 100);
	out[4] = out[7] = '-';
	write_pair(out + 5, m);
	write_pair(out + 8, d);
}

void
write_now(char *out, TimestampTz t)
{
	int64 day = t / USECS_PER_DAY - (t % USECS_PER_DAY < 0);
	int64 of_day = t - day * USECS_PER_DAY;
	uint32 fraction = of_day % USECS_PER_SEC;

	memcpy(out, "0000-00-00T00:00:00.000000+00:00", NOW_TEXT_SIZE);
	write_date(out, day);
	write_clock(out + CLOCK_TEXT_AT, of_day / USECS_PER_SEC);
	write_pair(out + 20, fraction / 10000);
	write_pair(out + 22, fraction / 100 % 100);
	write_pair(out + 24, fraction % 100);
}
