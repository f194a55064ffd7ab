/*
 * words.h
 *		Takes the source of a function in SQL or plpgsql apart into words.
 */
#ifndef AC_MEMO_WORDS_H
#define AC_MEMO_WORDS_H

typedef enum WordKind
{
	WORD_END,
	WORD_NAME, /* an identifier or keyword, lower case unless it is quoted */
	WORD_OPERATOR,
	WORD_OTHER,		/* one character, a literal or a number */
	WORD_UNREADABLE /* from here on nothing can be said */
} WordKind;

typedef struct Words
{
	const char *next; /* the rest */
	WordKind kind;	  /* of the word read last */
	bool quoted;	  /* of a name */
	char character;	  /* of WORD_OTHER: the character, ' of a string, 0 of a number */
	char *text;		  /* of names and operators, and what is within a string; in the current context */
} Words;

/* With standard_conforming_strings on. */
extern void words_begin(Words *words, const char *source);
extern void words_next(Words *words);

/* Whether a word stands in a text, whatever is around it. */
extern bool has_word(const char *bytes, uint32 size, const char *word);

extern bool name_is_among(const char *name, const char *const *names, int n);

#endif /* AC_MEMO_WORDS_H */
