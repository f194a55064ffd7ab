/*
 * clock_words.h
 *		What means a time by the clock: keywords, and texts such as 'today'.
 */
#ifndef AC_MEMO_CLOCK_WORDS_H
#define AC_MEMO_CLOCK_WORDS_H

#include "nodes/nodes.h"

typedef enum ClockUse
{
	CLOCK_UNUSED,
	CLOCK_DATE, /* current_date */
	CLOCK_TIME
} ClockUse;

/* Of a node of an expression by itself, function calls apart. */
extern ClockUse clock_use_of(const Node *node);

/* Whether one of the words is there, whatever is around it. */
extern bool has_clock_word(const char *bytes, uint32 size);

/*
 * Whether a literal would be read as a date or a time, which goes by settings; alone,
 * or in a range or array.
 */
extern bool literal_is_time(const char *text);

/*
 * Whether a literal, or one that stands in it, would be read as such a time; alone, or
 * in a range or array.
 */
extern bool literal_means_clock(const char *text);

#endif /* AC_MEMO_CLOCK_WORDS_H */
