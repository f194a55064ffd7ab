/*
 * audit.h
 *		Whether answers from memory are what would be computed.
 */
#ifndef AC_CACHE_AUDIT_H
#define AC_CACHE_AUDIT_H

#include "cache/readpath.h"

/* What an audit must know of a kind of answers.  arg is the request's. */
typedef struct AuditedKind
{
	/* Whether what was computed is another answer than what was kept. */
	bool (*differs)(void *arg, const char *kept, uint32 kept_size, const Computed *computed);
	/* The key, as people read it, in the current context. */
	char *(*describe)(void *arg);
	/* Computations can do with nothing that sessions remember between them. */
	bool remembers_nothing;
} AuditedKind;

typedef enum AuditResult
{
	AUDIT_SAME,
	AUDIT_OUTDATED, /* or over, or gone, by the time it had been computed: nothing can be said */
	AUDIT_FAILED,	/* it could not be computed */
	AUDIT_STALE
} AuditResult;

/*
 * As cache_read; of the answers from memory a share (availability_cache.audit_rate) is
 * audited, and one that is stale not given.
 */
extern bool cache_read_audited(CacheRequest *request, const char **payload, uint32 *payload_size);

/*
 * Computes what memory has for a request, and compares.  What is stale is
 * dropped, counted, logged and an event.  The transaction is READ COMMITTED,
 * and has written nothing.  computed is what was, without a payload if it
 * failed; kept a copy of what memory had, in the current context, or NULL.
 */
extern AuditResult audit_entry(CacheRequest *request, StoredEntry *kept, Computed *computed);

#endif /* AC_CACHE_AUDIT_H */
