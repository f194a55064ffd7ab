/*
 * clock_words.c
 *		What means a time by the clock: keywords, and texts such as 'today'.
 *
 * What texts mean is computed where they are read as a date or a time: by the
 * parser for a constant, of which nothing is left in the plan then.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/primnodes.h"
#include "utils/builtins.h"
#include "utils/datetime.h"

#include "base/compat.h"
#include "memo/clock_words.h"
#include "memo/words.h"

bool
has_clock_word(const char *bytes, uint32 size)
{
	static const char *const words[] = {"now", "today", "tomorrow", "yesterday"};

	for (int i = 0; i < lengthof(words); i++)
	{
		if (has_word(bytes, size, words[i]))
			return true;
	}
	return false;
}

/* Whether the server reads it as a date or a time. */
static bool
is_time(const char *text)
{
	char buffer[MAXDATELEN + MAXDATEFIELDS];
	char *fields[MAXDATEFIELDS];
	int kinds[MAXDATEFIELDS];
	struct pg_tm tm;
	fsec_t fraction;
	int zone;
	int kind;
	int n;

	return ParseDateTime(text, buffer, sizeof(buffer), fields, kinds, MAXDATEFIELDS, &n) == 0 &&
		   AC_DECODE_TIME(fields, kinds, n, &kind, &tm, &fraction, &zone) == 0;
}

/* In a range or array too; only those by the clock, or all. */
static bool
has_time(const char *text, bool by_clock)
{
	char *copy = pstrdup(text);

	for (char *part = strtok(copy, "[](){},\""); part != NULL; part = strtok(NULL, "[](){},\""))
	{
		if ((!by_clock || has_clock_word(part, strlen(part))) && is_time(part))
			return true;
	}
	return false;
}

bool
literal_is_time(const char *text)
{
	return strlen(text) < MAXDATELEN && has_time(text, false);
}

bool
literal_means_clock(const char *text)
{
	Words words;

	if (!has_clock_word(text, strlen(text)))
		return false;
	if (has_time(text, true))
		return true;
	/* A query as a text. */
	check_stack_depth();
	words_begin(&words, text);
	for (words_next(&words); words.kind != WORD_END && words.kind != WORD_UNREADABLE; words_next(&words))
	{
		if (words.kind == WORD_OTHER && words.character == '\'' && literal_means_clock(words.text))
			return true;
	}
	return false;
}

static bool
const_means_clock(const Const *value)
{
	return !value->constisnull && value->consttype == TEXTOID &&
		   literal_means_clock(TextDatumGetCString(value->constvalue));
}

ClockUse
clock_use_of(const Node *node)
{
	if (IsA(node, Const))
		return const_means_clock((const Const *) node) ? CLOCK_TIME : CLOCK_UNUSED;
	if (!IsA(node, SQLValueFunction))
		return CLOCK_UNUSED;
	if (((const SQLValueFunction *) node)->op == SVFOP_CURRENT_DATE)
		return CLOCK_DATE;
	return ((const SQLValueFunction *) node)->op <= SVFOP_LOCALTIMESTAMP_N ? CLOCK_TIME : CLOCK_UNUSED;
}
