/*
 * answer_text.h
 *		How times read in answers, whatever the session's settings.
 */
#ifndef AC_ANSWER_TEXT_H
#define AC_ANSWER_TEXT_H

#include "datatype/timestamp.h"

#define LOCAL_TEXT_SIZE 19 /* 2025-10-16T09:45:00 */
#define UTC_TEXT_SIZE 25   /* 2025-10-16T04:00:00+00:00 */
#define NOW_TEXT_SIZE 32   /* 2025-10-16T04:00:00.123456+00:00 */

/* The date written last: nearly all times of an answer are of one or two days. */
typedef struct DateText
{
	int64 day; /* since 2000-01-01 */
	char text[10];
} DateText;

#define NO_DATE ((DateText){.day = PG_INT64_MIN})

/* These write so many bytes, without a terminator; years have four digits. */
extern void write_local(char *out, Timestamp t, DateText *date);
extern void write_utc(char *out, TimestampTz t, DateText *date);
/* With microseconds, in UTC. */
extern void write_now(char *out, TimestampTz t);

#endif /* AC_ANSWER_TEXT_H */
