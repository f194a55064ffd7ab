/*
 * cursors.h
 *		Cursors of the session that a function may fetch from unseen.
 */
#ifndef AC_MEMO_CURSORS_H
#define AC_MEMO_CURSORS_H

/* Whether one WITH HOLD is open. */
extern bool cursors_hold(void);

#endif /* AC_MEMO_CURSORS_H */
