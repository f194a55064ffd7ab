/*
 * http.h
 *		Headers and status of an answer, where PostgREST looks for them.
 */
#ifndef AC_ENTRY_HTTP_H
#define AC_ENTRY_HTTP_H

#include "datatype/timestamp.h"
#include "lib/stringinfo.h"

typedef struct HttpAnswer
{
	Datum jsonb;	  /* the answer, or an error's */
	const char *code; /* of the error; NULL: there was none */
	bool hit;
	bool is_private;		 /* others get another */
	TimestampTz valid_until; /* as far as is known; 0: it is nobody else's */
} HttpAnswer;

/* Whether there is anything to tell. */
extern bool http_is_asked(void);

/* Tells of the one answer of this transaction; of several, nothing.  Never raises but for lack of memory. */
extern void http_tell(const HttpAnswer *answer);

/* Whether the text of response.headers is such that headers can be added: an array, or nothing. */
extern bool http_may_add_headers(const char *there);
/* Ends an array that was begun, with what is there after it. */
extern void http_end_headers(StringInfo out, const char *there);

#endif /* AC_ENTRY_HTTP_H */
