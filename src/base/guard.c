/*
 * guard.c
 *		Runs something so that an error undoes it, and nothing else.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "base/guard.h"

static bool
must_raise(int sqlstate)
{
	int class = ERRCODE_TO_CATEGORY(sqlstate);

	return sqlstate == ERRCODE_QUERY_CANCELED || sqlstate == ERRCODE_OUT_OF_MEMORY ||
		   class == ERRCODE_OPERATOR_INTERVENTION || class == ERRCODE_TRANSACTION_ROLLBACK;
}

/*
 * A server that checks assertions expects no subtransaction to fail at a
 * COMMIT or PREPARE, as those of deferred triggers do: it looks what state
 * the one around is in.  So there is one around it, which does not fail.
 */
#ifdef USE_ASSERT_CHECKING
#define IS_NESTED true
#else
#define IS_NESTED false
#endif

static void
begin(void)
{
	if (IS_NESTED)
		BeginInternalSubTransaction(NULL);
	BeginInternalSubTransaction(NULL);
}

static void
end(bool failed)
{
	if (failed)
		RollbackAndReleaseCurrentSubTransaction();
	else
		ReleaseCurrentSubTransaction();
	if (IS_NESTED)
		ReleaseCurrentSubTransaction();
}

ErrorData *
guarded(void (*fn)(void *arg), void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData *volatile error = NULL;

	begin();
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		fn(arg);
		end(false);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		end(true);
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		if (must_raise(error->sqlerrcode))
			ReThrowError(error);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return error;
}
