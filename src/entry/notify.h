/*
 * notify.h
 *		Tells who listens what committed transactions outdated.
 */
#ifndef AC_ENTRY_NOTIFY_H
#define AC_ENTRY_NOTIFY_H

extern Size notify_shmem_size(void);
extern void notify_shmem_init(void);
extern void notify_init(void);

#endif /* AC_ENTRY_NOTIFY_H */
