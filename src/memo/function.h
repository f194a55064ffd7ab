/*
 * function.h
 *		What the catalogs say of a memoized function.
 */
#ifndef AC_MEMO_FUNCTION_H
#define AC_MEMO_FUNCTION_H

#include "fmgr.h"
#include "nodes/pg_list.h"
#include "storage/itemptr.h"

#include "cache/readpath.h"
#include "memo/reason.h"

/* The clauses of CREATE FUNCTION … SET that are options of ours; they do nothing elsewhere. */
#define OPTION_VARY_BY "availability_cache.memoize_vary_by"
#define OPTION_TTL "availability_cache.memoize_ttl"
#define OPTION_VALID_UNTIL "availability_cache.memoize_valid_until"
#define OPTION_ASSUME_STABLE "availability_cache.memoize_assume_stable"
#define OPTION_NAMESPACE "availability_cache.memoize_namespace"

typedef struct ArgumentType
{
	int16 length;
	bool by_value;
} ArgumentType;

typedef enum LastCall
{
	NOT_CALLED,
	LAST_COMPUTED,
	LAST_KEPT, /* computed, and in memory now */
	LAST_HIT
} LastCall;

typedef struct MemoFunction
{
	Oid function; /* key */
	uint64 generation;
	MemoryContext context; /* of what is here */
	/* Its version. */
	TransactionId xmin;
	ItemPointerData tid;
	bool called_straight; /* it is not for us: a trigger function, a procedure, IMMUTABLE … */
	Reason reason;		  /* why its answers are never kept */
	AsOf as_of;
	bool returns_set;
	Oid result_type;
	int16 result_length;
	bool result_by_value;
	int nargs;
	ArgumentType args[FUNC_MAX_ARGS];
	List *type_relations; /* of the composite types that it takes and returns */
	uint32 hash;		  /* of its OID, as the PROCOID syscache has it */
	List *vary_by;		  /* names */
	int ttl;			  /* seconds; 0: none */
	Oid valid_until;	  /* the function that says until when an answer holds; InvalidOid: none */
	LastCall last_call;	  /* in this session; kept when the rest is read anew */
	bool assume_stable;	  /* what is not seen through is taken to go by its arguments alone */
	/* Of answers in another form (call.h), else InvalidOid: */
	Oid user; /* as whom it is called, whoever asks */
	Oid form;
} MemoFunction;

/* Whether there is such a function, in one of our languages. */
extern bool function_is_memoized(Oid function);

/* As it is now; good until the next call. */
extern const MemoFunction *memo_function(Oid function);

extern void memo_function_note_call(const MemoFunction *function, LastCall last);

#endif /* AC_MEMO_FUNCTION_H */
