/*
 * invalidation.h
 *		What is invalidated other than by triggers.
 */
#ifndef AC_INVALIDATION_H
#define AC_INVALIDATION_H

extern void invalidation_init(void);

#endif /* AC_INVALIDATION_H */
