/*
 * http_outdated.h
 *		Headers that say what a request's transaction outdated.
 */
#ifndef AC_ENTRY_HTTP_OUTDATED_H
#define AC_ENTRY_HTTP_OUTDATED_H

extern void http_outdated_init(void);

#endif /* AC_ENTRY_HTTP_OUTDATED_H */
