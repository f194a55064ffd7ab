/*
 * rules_memo.h
 *		Remembers the rules of a stylist's day between calls.
 */
#ifndef AC_SLOTS_RULES_MEMO_H
#define AC_SLOTS_RULES_MEMO_H

#include "slots/rules.h"

/* Words of the cells that the rules depend on, from before a snapshot. */
typedef struct RulesWords
{
	bool usable;
	uint64 words[RULES_NCELLS];
} RulesWords;

/* To be called before the snapshot is taken that the rules are read under. */
extern void rules_note_words(const pg_uuid_t *stylist, const pg_uuid_t *service, RulesWords *words);

/*
 * What an earlier call in this session read for the stylist and service, if
 * nothing has changed since for the active snapshot; the strings are good
 * for this computation.
 */
extern bool rules_recall(const pg_uuid_t *stylist, const pg_uuid_t *service, const RulesWords *before, DayRules *rules);
extern void
rules_remember(const pg_uuid_t *stylist, const pg_uuid_t *service, const RulesWords *before, const DayRules *rules);

#endif /* AC_SLOTS_RULES_MEMO_H */
