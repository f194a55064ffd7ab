/*
 * span.h
 *		Columns of kind span: intervals, or integers in a unit that a name says.
 */
#ifndef AC_SLOTS_SPAN_H
#define AC_SLOTS_SPAN_H

/* Seconds of one unit of an integer column: by the ending of its name, or else of the usual one. */
extern int span_unit(const char *column, const char *usual_name);

/* Whether a column of this type can be one. */
extern bool span_is_type(Oid type);

/* In microseconds, at most a day; a value with months, whose length is open, is a day. */
extern int64 span_within_day(Datum value, Oid type, int unit);

#endif /* AC_SLOTS_SPAN_H */
