/*
 * readpath.h
 *		Answering from memory, or computing and keeping: exactly.
 *
 * Knows nothing of stylists: it takes a key, and how to compute the answer
 * and what it depends on.
 */
#ifndef AC_CACHE_READPATH_H
#define AC_CACHE_READPATH_H

#include "utils/snapshot.h"

#include "cache/store.h"

/* What a computation gives. */
typedef struct Computed
{
	char *payload; /* in the caller's memory context */
	uint32 payload_size;
	/* Whether it may be kept, and then: */
	bool keepable;
	const Tag *tags; /* what it depends on, besides the database; until the next computation */
	uint32 ntags;
	bool definitions; /* and on the database's definitions (definitions.h) */
	bool unconfirmed; /* which are not confirmed: memory may not keep it */
	int64 valid_from; /* timestamps; as in a StoredEntry */
	int64 valid_until;
	bool overtaken;	  /* definitions changed while it was computed */
	bool untracked;	  /* not to be kept because changes would go unnoticed */
	bool from_below;  /* it came from the tier below memory; for the read path */
	bool as_of_clock; /* AS_OF_STATEMENT: the snapshot was no older than the clock; likewise */
} Computed;

/* The tier below memory.  arg is the request's. */
typedef struct LowerTier
{
	/* The answer that is exact for the active snapshot, if it is there; the clock is as for compute. */
	bool (*fetch)(void *arg, uint64 clock, Computed *result);
	/* Keeps what was computed under the active snapshot; NULL: it keeps what memory has. */
	void (*keep)(void *arg, const Computed *result);
	/* Memory keeps a computed answer, at a place of the store. */
	void (*offer)(void *arg, uint32 place);
	/* Whether all that this transaction has written was written by keep; NULL: that cannot be told. */
	bool (*wrote_all)(void);
	/* What is outdated in memory is so there too, and not worth asking for. */
	bool outdated_alike;
} LowerTier;

/* The moment that an answer is of. */
typedef enum AsOf
{
	AS_OF_CALL,		 /* now: computed under a new snapshot */
	AS_OF_STATEMENT, /* the active snapshot's, also from memory: as a STABLE function has it */
	AS_OF_EACH /* now, each statement of the computation taking a snapshot: as a VOLATILE function has it */
} AsOf;

typedef struct CacheRequest
{
	StoreKey key;
	AsOf as_of;
	bool never_waits; /* for another session that computes the same: we may be computing what it waits for */
	/*
	 * Computes under the active snapshot (AS_OF_EACH: under others after it).  The version
	 * clock is from before that snapshot: what depends on cells that do not change after it
	 * may be remembered; with NO_CLOCK nothing may.
	 */
	void (*compute)(void *arg, uint64 clock, Computed *result);
	/*
	 * Where answers depend on the database's definitions: confirms these,
	 * which changed.  Messages were accepted after the clock was read.
	 */
	void (*confirm)(void *arg, uint64 clock);
	/* Whether what this transaction wrote to a relation may show in the answer. */
	bool (*concerns)(Oid relid);
	const LowerTier *below; /* NULL: none */
	/* For who audits answers (audit.h); NULL: it is not to be. */
	const struct AuditedKind *audited;
	int64 valid_until; /* of the answer, where it is in memory; else 0.  For who asked */
	int64 age;		   /* of an answer that was kept, in microseconds.  For who asked */
	int64 lived;	   /* how long the one before, which is over and did not change, was kept; likewise */
	bool lost_cells;   /* an entry was outdated for want of cells; for the read path */
	void *arg;
} CacheRequest;

/*
 * The payload: when the result is true, from memory (it stays until the next
 * call in this backend) or from the tier below; else as compute gave it.
 */
extern bool cache_read(CacheRequest *request, const char **payload, uint32 *payload_size);

/* Whether memory has an answer now, which stays until the next look. */
extern bool cache_look(CacheRequest *request, StoredEntry *entry);

/* Computes without looking anywhere, under the snapshot that cache_read would use. */
extern void compute_fresh(CacheRequest *request, Computed *result);

/* The same with nothing that is remembered between computations. */
extern void compute_anew(CacheRequest *request, Computed *result);

/*
 * Several answers as of one moment: what cache_read answers while the moment's
 * snapshot is the active one is as of that snapshot, and of one "now".  Caller
 * ends it, also where an error ends what it asks (which takes the snapshot away).
 */
typedef struct CacheMoment
{
	struct CacheMoment *outer;
	uint64 clock; /* before the snapshot */
	Snapshot snapshot;
	int64 now;
} CacheMoment;

extern void cache_begin_moment(CacheMoment *m);
extern void cache_end_moment(CacheMoment *m, bool failed);

/* Whether there is one now. */
extern bool cache_in_moment(void);

/* The wall clock, or that of the moment: which "now" always means, as a timestamp. */
extern int64 cache_now(void);

/* Whether a fetched entry is the answer of this moment (not judging isolation). */
extern bool entry_is_current(const StoredEntry *entry);

#endif /* AC_CACHE_READPATH_H */
