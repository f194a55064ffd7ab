/*
 * names.h
 *		Whether names in this session's plans mean what they mean to others.
 */
#ifndef AC_MEMO_NAMES_H
#define AC_MEMO_NAMES_H

/* Before anything is planned or compiled. */
extern void names_init(void);

/*
 * Before a computation: has the session's plans made anew if a name in them
 * may mean something else by now, or a date or time, where it has such.
 * Returns how often that was done.
 */
extern uint64 names_refresh(bool has_times);

/*
 * Of a name in a schema, where something found past it would be hidden: its
 * hash, and whether what this session remembers (plans; of types, functions
 * that it has compiled) knows what is there.
 */
extern bool names_hold(const char *name, Oid namespace, uint32 *hash);
/* And the type that is there, or InvalidOid. */
extern bool names_hold_type(const char *name, Oid namespace, uint32 *hash, Oid *type);

#endif /* AC_MEMO_NAMES_H */
