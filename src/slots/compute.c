/*
 * compute.c
 *		The function of one's own that rules.compute_function names, and its rows as an answer.
 *
 * It runs as its owner, whoever asks, in a security-restricted operation: who
 * may call v2 gets its answer and nothing else.  So it must say its
 * search_path itself, and its owner must be one who may attach tables, since
 * these decide what is answered to all.  Both are looked at here, when it is
 * used: rights and functions change after the rules were written.
 *
 * What rules says is remembered in this backend until a message says that the
 * rules, a function or a role have changed.
 *
 * Locking: none.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/inval.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "base/as_user.h"
#include "base/compat.h"
#include "base/function_setting.h"
#include "base/members.h"
#include "base/relcache.h"
#include "cache/readpath.h"
#include "slots/attachments.h"
#include "slots/compute.h"
#include "slots/result.h"
#include "slots/rules_row.h"
#include "slots/text.h"

/* ---- what rules names ---- */

/* What the row says, with what the catalogs say of the function. */
typedef struct Choice
{
	MemoryContext context; /* of what it points to */
	TransactionId xmax;	   /* of the snapshot that it was read under */
	ComputeFunction compute;
} Choice;

static Choice latest;
static Choice of_snapshot; /* of REPEATABLE READ; good for one call */
static Oid rules_relid = InvalidOid;
/* Moves on when what was read may have changed; 0 is never reached. */
static uint64 generation = 1;
static uint64 read_at = 0;

static void
forget(Datum arg, int cache, uint32 hash)
{
	generation++;
}

static void
forget_relation(Oid relid)
{
	if (relid != rules_relid && OidIsValid(relid))
		return;
	rules_relid = InvalidOid;
	generation++;
}

static void
listen(void)
{
	CacheRegisterSyscacheCallback(PROCOID, forget, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, forget, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHOID, forget, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, forget, (Datum) 0);
	relcache_notify(forget_relation);
	of_snapshot.context = AllocSetContextCreate(TopMemoryContext, "availability_cache choice",
												ALLOCSET_SMALL_SIZES);
	latest.context = AllocSetContextCreate(TopMemoryContext, "availability_cache choice",
										   ALLOCSET_SMALL_SIZES);
}

/* What the row says; name NULL: it names no function, as also with the SQL of 1.0.0. */
typedef struct Named
{
	char *name;
	ComputeFunction *one;
} Named;

static void
take_row(HeapTuple row, TupleDesc desc, void *arg)
{
	Named *named = arg;
	bool isnull;
	Datum name = rules_row_value(row, desc, "compute_function", &isnull);
	bool unused;

	if (isnull)
		return;
	named->one->notice = *DatumGetIntervalP(rules_row_value(row, desc, "min_notice", &unused));
	named->one->advance = *DatumGetIntervalP(rules_row_value(row, desc, "max_advance", &unused));
	named->one->default_timezone = TextDatumGetCString(
		rules_row_value(row, desc, "default_timezone", &unused));
	named->name = TextDatumGetCString(name);
}

static char *
read_rules(Snapshot snapshot, ComputeFunction *one)
{
	Named named = {.one = one};

	rules_row_read(rules_relid, snapshot, take_row, &named);
	return named.name;
}

/* Its result columns are OUT parameters. */
static bool
has_starts(HeapTuple tuple)
{
	Oid *types;
	char **names;
	char *modes;
	int n = get_func_arg_info(tuple, &types, &names, &modes);

	for (int i = 0; modes != NULL && names != NULL && i < n; i++)
	{
		if (modes[i] != PROARGMODE_IN && strcmp(names[i], "slot_start_utc") == 0)
			return types[i] == TIMESTAMPTZOID;
	}
	return false;
}

static bool
fits(Form_pg_proc form)
{
	static const Oid args[] = {UUIDOID, UUIDOID, DATEOID, TEXTOID};

	return form->prokind == PROKIND_FUNCTION && form->proretset && form->pronargs == lengthof(args) &&
		   memcmp(form->proargtypes.values, args, sizeof(args)) == 0;
}

static void
look_at_function(ComputeFunction *one, Oid function)
{
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Form_pg_proc form = (Form_pg_proc) GETSTRUCT(tuple);

	one->function = function;
	one->owner = form->proowner;
	one->name = quote_qualified_identifier(get_namespace_name(form->pronamespace), NameStr(form->proname));
	one->has_starts = has_starts(tuple);
	if (!fits(form))
	{
		one->problem = "it has not the arguments (uuid, uuid, date, text), or returns no rows";
		one->hint = "Name a function with the arguments and rows of get_available_slots.";
	}
	else if (function_setting(tuple, "search_path") == NULL)
	{
		one->problem = "it does not say its search_path";
		one->hint = psprintf("ALTER FUNCTION %s(uuid, uuid, date, text) SET search_path = …", one->name);
	}
	else if (!AC_MAY_EXECUTE(attachments_function(), one->owner))
	{
		one->problem = "its owner may not attach tables";
		one->hint = "Whose function it is decides what is answered to all: GRANT EXECUTE ON FUNCTION "
					"private.invalidate_availability_cache() TO the owner.";
	}
	ReleaseSysCache(tuple);
}

static void
look_up(ComputeFunction *one, const char *name)
{
	int level = guard_settings();
	bool isnull;
	Datum found;
	LOCAL_FCINFO(fcinfo, 1);

	(void) set_config_option("search_path", SAFE_SEARCH_PATH, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
	InitFunctionCallInfoData(*fcinfo, NULL, 1, InvalidOid, NULL, NULL);
	fcinfo->args[0] = (NullableDatum){CStringGetTextDatum(name), false};
	found = to_regprocedure(fcinfo);
	isnull = fcinfo->isnull;
	restore_settings(level);
	if (!isnull)
	{
		look_at_function(one, DatumGetObjectId(found));
		return;
	}
	one->name = pstrdup(name);
	one->problem = "it does not exist";
	one->hint =
		"UPDATE availability_cache.rules SET compute_function = … names another; NULL means the built-in rules.";
}

static void
read_choice(Choice *choice, Snapshot snapshot)
{
	ComputeFunction *one = &choice->compute;
	Oid rules = OidIsValid(rules_relid) ? rules_relid : member_find(RelationRelationId, "rules");
	MemoryContext caller;
	char *name;

	MemoryContextReset(choice->context);
	memset(one, 0, sizeof(*one));
	caller = MemoryContextSwitchTo(choice->context);
	rules_relid = rules;
	snapshot = RegisterSnapshot(snapshot);
	choice->xmax = snapshot->xmax;
	name = OidIsValid(rules) ? read_rules(snapshot, one) : NULL;
	UnregisterSnapshot(snapshot);
	if (name != NULL)
	{
		one->is_named = true;
		look_up(one, name);
	}
	MemoryContextSwitchTo(caller);
}

/*
 * Whether a snapshot of REPEATABLE READ sees all that the latest one did when it was
 * read, and nothing else (no message came).
 */
static bool
is_of_snapshot(void)
{
	return !IsolationUsesXactSnapshot() ||
		   TransactionIdFollowsOrEquals(GetTransactionSnapshot()->xmin, latest.xmax);
}

const ComputeFunction *
compute_function_known(void)
{
	if (latest.context == NULL)
		return NULL;
	/* A commit's messages are there before it is acknowledged. */
	AcceptInvalidationMessages();
	return read_at == generation && is_of_snapshot() ? &latest.compute : NULL;
}

const ComputeFunction *
compute_function_read(void)
{
	/* Messages that come meanwhile make it old. */
	uint64 now = generation;

	if (latest.context == NULL)
		listen();
	if (read_at != now)
	{
		read_at = 0;
		read_choice(&latest, GetLatestSnapshot());
		read_at = now;
	}
	if (is_of_snapshot())
		return &latest.compute;
	read_choice(&of_snapshot, GetTransactionSnapshot());
	return &of_snapshot.compute;
}

/* ---- its rows ---- */

/* $1 to $4 are v2's arguments; $5 now, $6 and $7 notice and advance, $8 the time as it is shown. */
#define NARGS 8

static const Oid arg_types[NARGS] = {UUIDOID,		 UUIDOID,	  DATEOID,	   TEXTOID,
									 TIMESTAMPTZOID, INTERVALOID, INTERVALOID, TEXTOID};

static const char *const form_texts[NCOMPUTE_FORMS] = {
	[COMPUTE_JSONB] = "jsonb_build_object('success', true, 'slots', coalesce(jsonb_agg(to_jsonb(s)), '[]'), "
					  "'cached', true, 'cache_hit', true, 'computed_at', $8)",
	[COMPUTE_JSON] =
		"',\"computed_at\":\"' || $8 || '\",\"slots\":' || coalesce(json_agg(row_to_json(s)), '[]')::text || '}'"};

/*
 * Each quarter of an hour a day begins in some zone; which one the function
 * goes by, its rows cannot tell.  No moment near the horizon or past it: nor
 * do they tell of slots that are not there yet.
 */
static const char moments_text[] =
	"CASE WHEN $3 < (($5 + $7) AT TIME ZONE 'UTC')::date - 1 THEN least("
	"min(s.slot_start_utc) FILTER (WHERE s.slot_start_utc >= $5), "
	"min(s.slot_start_utc - $6) FILTER (WHERE s.slot_start_utc - $6 >= $5), "
	"date_bin('15 minutes', $5, '2000-01-01 00:00Z') + interval '15 minutes') END";

/*
 * Runs as a user, under the active snapshot; the row is in SPI_tuptable.  Caller is
 * connected to SPI and guards the settings.
 */
static void
run_as(Oid user, const char *text, int nargs, const Oid *types, Datum *args, const char *nulls)
{
	SavedUser saved = switch_user(user);
	int result = SPI_execute_with_args(text, nargs, (Oid *) types, args, nulls, true, 0);

	restore_user(saved);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "could not compute: %s", SPI_result_code_string(result));
	result_use_spi();
}

static void
fill_args(const ComputeFunction *compute, FunctionCallInfo fcinfo, Datum args[NARGS], char nulls[NARGS + 1])
{
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	text *shown = palloc(VARHDRSZ + NOW_TEXT_SIZE);

	SET_VARSIZE(shown, VARHDRSZ + NOW_TEXT_SIZE);
	write_now(VARDATA(shown), cache_now());
	memset(nulls, ' ', NARGS);
	nulls[NARGS] = '\0';
	for (int i = 0; i < 4; i++)
	{
		args[i] = fcinfo->args[i].value;
		if (fcinfo->args[i].isnull)
			nulls[i] = 'n';
	}
	/*
	 * The transaction's, as the function has it with now(): what has passed since then
	 * ends the answer too.
	 */
	args[4] = TimestampTzGetDatum(now);
	args[5] = IntervalPGetDatum(&compute->notice);
	args[6] = IntervalPGetDatum(&compute->advance);
	args[7] = PointerGetDatum(shown);
}

/* The table that is attached as booking_reservations and has expiries; NULL: none. */
static const Attachment *
find_holds(int *stylist, int *expires)
{
	ListCell *cell;

	for (int i = 0; source_roles[SOURCE_RESERVATIONS].columns[i].name != NULL; i++)
	{
		if (strcmp(source_roles[SOURCE_RESERVATIONS].columns[i].name, "stylist_user_id") == 0)
			*stylist = i;
		else if (strcmp(source_roles[SOURCE_RESERVATIONS].columns[i].name, "expires_at") == 0)
			*expires = i;
	}
	foreach(cell, attachments_read(attachments_function()))
	{
		const Attachment *one = lfirst(cell);

		if (one->role == SOURCE_RESERVATIONS && one->problem == NULL && one->columns[*stylist] != NULL &&
			one->columns[*expires] != NULL)
			return one;
	}
	return NULL;
}

/* The stylist's next hold to end; DT_NOEND: none does, DT_NOBEGIN: no table says. */
static int64
next_expiry(Datum stylist, TimestampTz now)
{
	static const Oid types[] = {UUIDOID, TIMESTAMPTZOID};
	Datum args[] = {stylist, TimestampTzGetDatum(now)};
	int stylist_column = 0;
	int expires_column = 0;
	const Attachment *holds = find_holds(&stylist_column, &expires_column);
	StringInfoData text;
	const char *expires;

	if (holds == NULL)
		return DT_NOBEGIN;
	initStringInfo(&text);
	expires = quote_identifier(holds->columns[expires_column]);
	appendStringInfo(&text, "SELECT min(h.%s) FROM %s h WHERE h.%s = $1 AND h.%s >= $2", expires,
					 quote_qualified_identifier(get_namespace_name(get_rel_namespace(holds->relid)),
												get_rel_name(holds->relid)),
					 quote_identifier(holds->columns[stylist_column]), expires);
	run_as(holds->owner, text.data, lengthof(types), types, args, NULL);
	return result_int64(0, 1, DT_NOEND);
}

/* Of the rows that were read; DT_NOBEGIN: they do not tell. */
static int64
moment_of_rows(FunctionCallInfo fcinfo, TimestampTz now)
{
	int64 moment = result_int64(0, 2, DT_NOBEGIN);
	int64 expiry;

	if (moment == DT_NOBEGIN)
		return DT_NOBEGIN;
	expiry = next_expiry(fcinfo->args[0].value, now);
	return expiry == DT_NOBEGIN ? DT_NOBEGIN : Min(moment, expiry);
}

Datum
compute_function_call(const ComputeFunction *compute, ComputeForm form, FunctionCallInfo fcinfo, int64 *until)
{
	MemoryContext caller = CurrentMemoryContext;
	int level = guard_settings();
	Datum args[NARGS];
	char nulls[NARGS + 1];
	StringInfoData text;
	bool isnull;
	Datum answer;

	SPI_connect();
	fill_args(compute, fcinfo, args, nulls);
	initStringInfo(&text);
	appendStringInfo(&text, "SELECT %s, %s FROM %s($1, $2, $3, $4) s", form_texts[form],
					 compute->has_starts ? moments_text : "NULL::timestamptz", compute->name);
	run_as(compute->owner, text.data, NARGS, arg_types, args, nulls);
	answer = result_datum(0, 1, &isnull);
	MemoryContextSwitchTo(caller);
	answer = PointerGetDatum(PG_DETOAST_DATUM_COPY(answer));
	*until = moment_of_rows(fcinfo, DatumGetTimestampTz(args[4]));
	SPI_finish();
	restore_settings(level);
	return answer;
}

/* ---- whether it was cached ---- */

/*
 * The values of an object come in the order of its keys' lengths: slots, cached,
 * success, cache_hit, computed_at.
 */
#define NKEYS 5
#define CACHED 1
#define CACHE_HIT 3

void
compute_mark_computed(Datum jsonb)
{
	JsonbContainer *object = &DatumGetJsonbP(jsonb)->root;
	JEntry *values = object->children + NKEYS;

	Assert(JsonContainerIsObject(object) && JsonContainerSize(object) == NKEYS);
	values[CACHED] = (values[CACHED] & ~JENTRY_TYPEMASK) | JENTRY_ISBOOL_FALSE;
	values[CACHE_HIT] = (values[CACHE_HIT] & ~JENTRY_TYPEMASK) | JENTRY_ISBOOL_FALSE;
}

Datum
compute_json(Datum rest, bool from_cache)
{
	static const char hit[] = "{\"success\":true,\"cached\":true,\"cache_hit\":true";
	static const char miss[] = "{\"success\":true,\"cached\":false,\"cache_hit\":false";
	text *kept = DatumGetTextPP(rest);
	const char *head = from_cache ? hit : miss;
	Size head_size = strlen(head);
	Size size = VARSIZE_ANY_EXHDR(kept);
	text *whole = palloc(VARHDRSZ + head_size + size);

	SET_VARSIZE(whole, VARHDRSZ + head_size + size);
	memcpy(VARDATA(whole), head, head_size);
	memcpy(VARDATA(whole) + head_size, VARDATA_ANY(kept), size);
	return PointerGetDatum(whole);
}
