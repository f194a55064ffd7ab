/*
 * drop_extension.h
 *		The hook that keeps DROP EXTENSION … CASCADE from people's functions.
 */
#ifndef AC_ENTRY_DROP_EXTENSION_H
#define AC_ENTRY_DROP_EXTENSION_H

extern void drop_extension_init(void);

#endif /* AC_ENTRY_DROP_EXTENSION_H */
