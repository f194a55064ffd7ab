/*
 * keys_file.h
 *		The file in which keys outlive the server.
 */
#ifndef AC_ENTRY_KEYS_FILE_H
#define AC_ENTRY_KEYS_FILE_H

#include "entry/hot.h"

/*
 * Writes these in place of what the file has; where it cannot, the log says so, and
 * the file stays as it was.
 */
extern void keys_file_write(const HotKeys *hot);

/*
 * Takes the file to warm with its keys: until keys_file_done() or
 * keys_file_give_back() nobody else does, also after a crash.  False: there is
 * none.
 */
extern bool keys_file_take(void);
extern void keys_file_done(void);
extern void keys_file_give_back(void);

/*
 * The keys of a database in the file that was taken, in its order, in the
 * context given; InvalidOid: of all.  False where it cannot be read or is
 * damaged; the log says so if it is to.
 */
extern bool keys_file_read(Oid dboid, bool logs, HotKeys *hot, MemoryContext context);

#endif /* AC_ENTRY_KEYS_FILE_H */
