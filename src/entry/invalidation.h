/*
 * invalidation.h
 *		What is invalidated other than by triggers.
 */
#ifndef AC_ENTRY_INVALIDATION_H
#define AC_ENTRY_INVALIDATION_H

extern void invalidation_init(void);

#endif /* AC_ENTRY_INVALIDATION_H */
