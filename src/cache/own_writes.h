/*
 * own_writes.h
 *		Which relations this transaction may have written to.
 */
#ifndef AC_CACHE_OWN_WRITES_H
#define AC_CACHE_OWN_WRITES_H

extern void own_writes_init(void);

/*
 * Whether this transaction, which has a xid, may have changed something for
 * which concerns says true; it is asked for each relation that was written
 * to.  Where that is not known, the answer is true.
 */
extern bool own_writes_may_concern(bool (*concerns)(Oid relid));

#endif /* AC_CACHE_OWN_WRITES_H */
