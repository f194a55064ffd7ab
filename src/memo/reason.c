/*
 * reason.c
 *		Why an answer is not kept.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"

#include "memo/reason.h"

static const char *const texts[NREASONS] = {
	[REASON_CATALOG] = "it reads the catalog %s",
	[REASON_TEMPORARY] = "%s is temporary",
	[REASON_RELKIND] = "%s is no ordinary or partitioned table: it changes unseen",
	[REASON_FUNCTION] =
		"it may call %s, which may give something else with the same arguments, or does more than give it",
	[REASON_IMMUTABLE] = "it may call %s, which is said to be IMMUTABLE and does not look like it",
	[REASON_SOURCE] = "the body of %s cannot be read",
	[REASON_NESTED] = "it calls %s, whose answer could not be kept",
	[REASON_UNSEEN] =
		"it may call %s, which is not seen through: if that goes by its arguments alone, say so with "
		"memoize(…, assume_stable => true)",
	[REASON_UNTIL] =
		"the function that memoize(…, valid_until => …) names is not there, may not be called or raised an "
		"error",
	[REASON_CLOCK] =
		"it looks at the clock: say how long an answer holds, with memoize(…, ttl => …), "
		"memoize(…, valid_until => …) or by calling availability_cache.valid_until(timestamptz) in it",
	[REASON_SESSION] = "it looks at a setting that is not in the key: name it with memoize(…, vary_by => …)",
	[REASON_WRITES] = "it writes, or locks rows",
	[REASON_ERROR] = "it catches an error that goes by something else than the rows it read",
	[REASON_LOCKERS] = "it reads xmax, cmin or cmax, which locks change too",
	[REASON_UTILITY] = "it runs a command that is no query",
	[REASON_DOMAIN] = "it casts to a domain with constraints",
	[REASON_PORTAL] = "it reads from a cursor that was opened elsewhere",
	[REASON_PLAN] = "its plan has a node that is not seen through",
	[REASON_PARALLEL] = "parallel workers call functions",
	[REASON_TOO_MUCH] = "it depends on more than an answer may",
	[REASON_ARGUMENT] =
		"an argument is of a kind that cannot be compared, or holds a word such as today or now",
	[REASON_RESULT] = "the result is of a kind that other sessions cannot read",
	[REASON_SIZE] = "the answer is larger than availability_cache.max_answer_size",
	[REASON_SETTINGS] = "standard_conforming_strings is off, or another setting that changes what text means",
	[REASON_OWN_SCHEMA] = "it names something in pg_temp, which each session has to itself",
	[REASON_NAMES] = "a name in it means another table or type than when the session planned",
};

static char *
object_name(Reason reason)
{
	if (reason.kind >= REASON_FUNCTION)
		return DatumGetCString(DirectFunctionCall1(regprocedureout, ObjectIdGetDatum(reason.object)));
	return DatumGetCString(DirectFunctionCall1(regclassout, ObjectIdGetDatum(reason.object)));
}

char *
reason_text(Reason reason)
{
	const char *text = texts[reason.kind];
	char *name;

	if (reason.kind == REASON_NONE)
		return NULL;
	if (!OidIsValid(reason.object))
		return pstrdup(text);
	name = object_name(reason);
	if (reason.kind == REASON_UNWATCHED)
		return psprintf(
			"table %s is not watched: its owner can run SELECT * FROM availability_cache.watch(%s); each partition and "
			"child counts",
			name, quote_literal_cstr(name));
	return psprintf(text, name);
}
