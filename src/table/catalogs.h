/*
 * catalogs.h
 *		What this database's catalogs say of everything that answers may be made with, as one number.
 */
#ifndef AC_TABLE_CATALOGS_H
#define AC_TABLE_CATALOGS_H

/*
 * Accepts messages, and tells the number as of now or a moment ago: all is
 * in it whose message has come.  It comes again only where something came that
 * is gone as if it had not been there.  False where it would have to be
 * counted again too soon after it was, unless it must be told.
 */
extern bool catalogs_state(uint64 *state, bool must);

/* Whether no message has come since catalogs_state was last asked; accepts them. */
extern bool catalogs_are_the_same(void);

#endif /* AC_TABLE_CATALOGS_H */
