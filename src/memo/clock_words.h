/*
 * clock_words.h
 *		Texts that mean a time by the clock: 'today' and the like.
 */
#ifndef AC_MEMO_CLOCK_WORDS_H
#define AC_MEMO_CLOCK_WORDS_H

/* Whether one of the words is there, whatever is around it. */
extern bool has_clock_word(const char *bytes, uint32 size);

/* Whether a literal, or one that stands in it, would be read as such a time; alone, or in a range or array. */
extern bool literal_means_clock(const char *text);

#endif /* AC_MEMO_CLOCK_WORDS_H */
