/*
 * waiting_worker.h
 *		Looks, every few seconds, whether there is a slot for those who wait.
 */
#ifndef AC_ENTRY_WAITING_WORKER_H
#define AC_ENTRY_WAITING_WORKER_H

extern Size waiting_worker_shmem_size(void);
extern void waiting_worker_shmem_init(void);

/* Has the postmaster start the launcher.  While it loads the library. */
extern void waiting_worker_init(void);

#endif /* AC_ENTRY_WAITING_WORKER_H */
