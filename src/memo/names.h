/*
 * names.h
 *		Whether names in this session's plans mean what they mean to others.
 */
#ifndef AC_MEMO_NAMES_H
#define AC_MEMO_NAMES_H

/*
 * Before a computation: has the session's plans made anew if a name in them
 * may mean something else by now.  Returns how often that was done.
 */
extern uint64 names_refresh(void);

/*
 * Of a relation that a plan found past this schema.  The tag is that of the
 * name there, whether it is there or not; false: the plan may be of before it was.
 */
extern bool names_hold(const char *name, Oid namespace, uint32 *hash);

#endif /* AC_MEMO_NAMES_H */
