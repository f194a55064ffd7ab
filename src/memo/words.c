/*
 * words.c
 *		Takes the source of a function in SQL or plpgsql apart into words.
 *
 * As the server's scanner does (scan.l), as far as it takes to know what is
 * a name and what is in a literal or a comment.
 */
#include "postgres.h"

#include "parser/scansup.h"

#include "memo/words.h"

#define OPERATOR_CHARACTERS "~!@#^&|`?+-*/%<>="

void
words_begin(Words *words, const char *source)
{
	memset(words, 0, sizeof(*words));
	words->next = source;
}

static bool
begins_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || IS_HIGHBIT_SET(c);
}

static bool
goes_on(char c)
{
	return begins_name(c) || (c >= '0' && c <= '9') || c == '$';
}

/* Past a comment with those in it; NULL: it does not end. */
static const char *
skip_comment(const char *p)
{
	int depth = 0;

	for (; *p != '\0'; p++)
	{
		if (p[0] == '/' && p[1] == '*')
			depth++, p++;
		else if (p[0] == '*' && p[1] == '/')
		{
			p++;
			if (--depth == 0)
				return p + 1;
		}
	}
	return NULL;
}

/* Spaces and comments. */
static const char *
skip_blank(const char *p)
{
	while (p != NULL && *p != '\0')
	{
		if (scanner_isspace(*p))
			p++;
		else if (p[0] == '-' && p[1] == '-')
			p += strcspn(p, "\n\r");
		else if (p[0] == '/' && p[1] == '*')
			p = skip_comment(p);
		else
			break;
	}
	return p;
}

/* Past what begins and ends with a quote, which stands doubled in it; with escapes also after a backslash. */
static const char *
skip_quoted(const char *p, bool escapes)
{
	char quote = *p++;

	for (; *p != '\0'; p++)
	{
		if (escapes && *p == '\\' && p[1] != '\0')
			p++;
		else if (*p == quote && p[1] == quote)
			p++;
		else if (*p == quote)
			return p + 1;
	}
	return NULL;
}

/* Past $tag$ … $tag$; p where it is none. */
static const char *
skip_dollar(const char *p)
{
	const char *end = p + 1;
	const char *close;
	char *tag;

	if (begins_name(*end))
	{
		while (goes_on(*end) && *end != '$')
			end++;
	}
	if (*end != '$')
		return p;
	tag = pnstrdup(p, end + 1 - p);
	close = strstr(end + 1, tag);
	return close == NULL ? NULL : close + strlen(tag);
}

static void
take_name(Words *words, const char *p)
{
	const char *end = p;

	while (goes_on(*end))
		end++;
	words->kind = WORD_NAME;
	words->text = downcase_truncate_identifier(p, end - p, false);
	words->next = end;
}

static void
take_quoted_name(Words *words, const char *p)
{
	const char *end = skip_quoted(p, false);
	char *to;

	if (end == NULL)
	{
		words->kind = WORD_UNREADABLE;
		return;
	}
	words->kind = WORD_NAME;
	words->quoted = true;
	to = words->text = palloc(end - p);
	for (p++; p < end - 1; p++)
	{
		*to++ = *p;
		if (*p == '"')
			p++;
	}
	*to = '\0';
	truncate_identifier(words->text, strlen(words->text), false);
	words->next = end;
}

/* From a quote to another, or a $tag$ to another; doubled quotes are one. */
static char *
within(const char *p, const char *end)
{
	const char *begin = *p == '$' ? strchr(p + 1, '$') + 1 : p + 1;
	char *text = pnstrdup(begin, end - (begin - p) - begin);
	char *to = text;

	if (*p == '$')
		return text;
	for (const char *from = text; *from != '\0'; from++)
	{
		*to++ = *from;
		if (from[0] == '\'' && from[1] == '\'')
			from++;
	}
	*to = '\0';
	return text;
}

/* From p on, where its quote stands. */
static void
take_literal(Words *words, const char *p, const char *end)
{
	words->kind = end == NULL ? WORD_UNREADABLE : WORD_OTHER;
	words->character = '\'';
	words->next = end;
	if (end != NULL)
		words->text = within(p, end);
}

/* Comments begin where they do, also within. */
static void
take_operator(Words *words, const char *p)
{
	const char *end = p;

	while (*end != '\0' && strchr(OPERATOR_CHARACTERS, *end) != NULL && !(end[0] == '-' && end[1] == '-') &&
		   !(end[0] == '/' && end[1] == '*'))
		end++;
	words->kind = WORD_OPERATOR;
	words->text = pnstrdup(p, end - p);
	words->next = end;
}

void
words_next(Words *words)
{
	const char *p = skip_blank(words->next);
	char c = p == NULL ? '\0' : *p;
	char lower = pg_tolower((unsigned char) c);

	words->quoted = false;
	words->character = c;
	if (p == NULL)
		words->kind = WORD_UNREADABLE;
	else if (c == '\0')
		words->kind = WORD_END;
	else if (lower == 'u' && p[1] == '&' && (p[2] == '\'' || p[2] == '"'))
		words->kind = WORD_UNREADABLE;
	else if (strchr("ebxn", lower) != NULL && p[1] == '\'')
		take_literal(words, p + 1, skip_quoted(p + 1, lower == 'e'));
	else if (c == '\'')
		take_literal(words, p, skip_quoted(p, false));
	else if (c == '$' && skip_dollar(p) != p)
		take_literal(words, p, skip_dollar(p));
	else if (c == '"')
		take_quoted_name(words, p);
	else if (begins_name(c))
		take_name(words, p);
	else if (strchr(OPERATOR_CHARACTERS, c) != NULL)
		take_operator(words, p);
	else
	{
		words->kind = WORD_OTHER;
		words->next = p + 1;
	}
}

bool
name_is_among(const char *name, const char *const *names, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

bool
has_word(const char *bytes, uint32 size, const char *word)
{
	size_t n = strlen(word);

	for (uint32 i = 0; i + n <= size; i++)
	{
		if (pg_strncasecmp(bytes + i, word, n) == 0 && (i == 0 || !isalnum((unsigned char) bytes[i - 1])) &&
			(i + n == size || !isalnum((unsigned char) bytes[i + n])))
			return true;
	}
	return false;
}
