/*
 * relcache.h
 *		Being told when a relation's definition changes.
 */
#ifndef AC_BASE_RELCACHE_H
#define AC_BASE_RELCACHE_H

/*
 * Of one relation, or of any if InvalidOid.  May be called anywhere that accepts
 * messages: no look-ups, no errors.
 */
typedef void (*RelationForgetter)(Oid relid);

/* Calls forget, in order of registration, for as long as this backend lives. */
extern void relcache_notify(RelationForgetter forget);

#endif /* AC_BASE_RELCACHE_H */
