/*
 * warmer.h
 *		The workers that keep memory warm.
 */
#ifndef AC_ENTRY_WARMER_H
#define AC_ENTRY_WARMER_H

/* At loading, by the postmaster. */
extern void warmer_init(void);

#endif /* AC_ENTRY_WARMER_H */
