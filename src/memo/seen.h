/*
 * seen.h
 *		Sees what a computation reads, while it runs.
 */
#ifndef AC_MEMO_SEEN_H
#define AC_MEMO_SEEN_H

#include "executor/execdesc.h"
#include "lib/stringinfo.h"

#include "cache/cells.h"
#include "memo/facts.h"
#include "memo/sight.h"

/* What was seen of a relation. */
typedef struct SeenRelation
{
	Oid relid;
	int nvalues; /* tags of values noted, MAX_VALUES at most */
} SeenRelation;

/* A scan that waits for its query to end. */
typedef struct WaitingScan
{
	QueryDesc *query;
	Plan *scan;
	Oid relid;
} WaitingScan;

/* Of one computation; those that run within another's have an outer one. */
typedef struct Seen
{
	struct Seen *outer;
	uint64 number;				 /* of this computation, in this session */
	ErrorContextCallback errors; /* is told of them */
	MemoryContext context;		 /* of what is here */
	Reason reason;				 /* why its answer is not to be kept; the first that was found */
	Facts facts;
	bool unlogged; /* a table was read that a crash empties */
	uint32 ntags;
	Tag tags[MAX_DEPENDENCIES];
	StringInfoData names; /* of relations, each with its zero: a temporary one may hide them */
	int64 valid_until;	  /* a timestamp: as far as was said within */
	bool said_until;
	List *relations; /* SeenRelations */
	List *queries;	 /* QueryDescs that were started and not ended */
	List *waiting;	 /* WaitingScans of those */
	int nsights;
	Sight sights[MAX_SIGHTS];
} Seen;

/* Sets the hooks. */
extern void seen_init(void);

/* Between the two what runs is seen; an error is to end it as well, from where it was begun. */
extern void seen_begin(Seen *seen);
extern void seen_end(Seen *seen);
/* Before the end, when the answer is there: what waits for queries that did not end waits no longer. */
extern void seen_finish(void);

/* Of the innermost computation; without one they do nothing. */
extern Seen *seen_current(void);
extern void seen_note_reason(ReasonKind kind, Oid object);
extern void seen_note_tag(Tag tag);
extern void seen_note_name(const char *name);
extern void seen_note_until(int64 until);
/* The same of an answer that this one is made of: what else looks at the clock has said nothing. */
extern void seen_limit_until(int64 until);

/* What names of types in the sources mean, once all of these are known; within a computation. */
extern void seen_note_types(void);

extern void seen_note_unlogged(void);

/* What a computation saw is part of the one around it. */
extern void seen_hand_on(const Seen *seen, Oid function);

#endif /* AC_MEMO_SEEN_H */
