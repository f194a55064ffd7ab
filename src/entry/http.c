/*
 * http.c
 *		Headers and status of an answer, where PostgREST looks for them.
 *
 * PostgREST reads the settings response.headers, an array of objects of one
 * header each, and response.status when the transaction has run its query,
 * and has put the request's into request.headers and request.method.  They
 * are text that anybody could have set, so what cannot be read is left alone.
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/hashfn.h"
#include "common/jsonapi.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/jsonfuncs.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/settings.h"
#include "cache/readpath.h"
#include "entry/http.h"

#define HEADERS "response.headers"
#define STATUS "response.status"

/* When the transaction began that was told of an answer, and what it had of headers; NULL: that is back. */
static TimestampTz told_at = 0;
static char *headers_before = NULL;

bool
http_is_asked(void)
{
	return ac_http_headers || ac_http_error_status;
}

/* For the transaction; what cannot be set is not. */
static void
set(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, DEBUG1, false);
}

static const char *
setting(const char *name)
{
	const char *value = GetConfigOption(name, true, false);

	return value == NULL ? "" : value;
}

bool
http_may_add_headers(const char *there)
{
	return there[0] == '\0' ||
		   (AC_IS_JSON((char *) there, strlen(there)) && there[strspn(there, " \t\n\r")] == '[');
}

void
http_end_headers(StringInfo out, const char *there)
{
	const char *rest = there[0] == '\0' ? "]" : strchr(there, '[') + 1;

	if (out->len > 1 && rest[strspn(rest, " \t\n\r]")] != '\0')
		appendStringInfoString(out, ", ");
	appendStringInfoString(out, rest);
}

/* Whether there is such a header already; header names are in either case. */
static bool
has_header(const char *headers, const char *name)
{
	size_t n = strlen(name);

	for (const char *at = strchr(headers, '"'); at != NULL; at = strchr(at + 1, '"'))
	{
		if (pg_strncasecmp(at + 1, name, n) == 0 && at[n + 1] == '"')
			return true;
	}
	return false;
}

static void
add_header(StringInfo out, const char *before, const char *name, const char *value)
{
	if (has_header(before, name))
		return;
	if (out->len > 1)
		appendStringInfoString(out, ", ");
	appendStringInfo(out, "{\"%s\": ", name);
	escape_json(out, value);
	appendStringInfoChar(out, '}');
}

/* ---- what is told ---- */

/* A hash of the slots: it says nothing of when they were computed, and by whom. */
static char *
etag_of(Jsonb *answer)
{
	JsonbValue found;
	static const char *const keys[] = {"slots", "days", "sequences", "stylists"};
	JsonbValue *slots = NULL;
	uint64 one;
	uint64 other;

	for (int i = 0; slots == NULL && i < lengthof(keys); i++)
		slots = getKeyJsonValueFromContainer(&answer->root, keys[i], strlen(keys[i]), &found);
	if (slots == NULL || slots->type != jbvBinary)
		return NULL;
	one = hash_bytes_extended((unsigned char *) slots->val.binary.data, slots->val.binary.len, 0);
	other = hash_bytes_extended((unsigned char *) slots->val.binary.data, slots->val.binary.len, 1);
	return psprintf("\"%08x%08x%08x%08x\"", (uint32) (one >> 32), (uint32) one, (uint32) (other >> 32),
					(uint32) other);
}

static char *
computed_at(Jsonb *answer)
{
	JsonbValue found;
	JsonbValue *text = getKeyJsonValueFromContainer(&answer->root, "computed_at", strlen("computed_at"),
													&found);

	return text == NULL || text->type != jbvString ? NULL
												   : pnstrdup(text->val.string.val, text->val.string.len);
}

/* Never beyond the answer's end: what is left of the second is not there. */
static char *
cache_control(const HttpAnswer *answer)
{
	int64 seconds = answer->valid_until == 0 ? 0 : (answer->valid_until - cache_now()) / USECS_PER_SEC;

	seconds = Min(seconds, ac_http_max_age);
	if (seconds <= 0)
		return psprintf("%s, no-cache", answer->is_private ? "private" : "public");
	return psprintf("%s, max-age=" INT64_FORMAT, answer->is_private ? "private" : "public", seconds);
}

static const char *
status_of(const char *code)
{
	if (strcmp(code, "INTERNAL_ERROR") == 0)
		return "500";
	return strncmp(code, "INVALID", strlen("INVALID")) == 0 ? "400" : "404";
}

/* Whether the client has it: it says so with a header, and only asks. */
static bool
client_has(const char *etag)
{
	const char *headers = setting("request.headers");
	const char *method = setting("request.method");
	LOCAL_FCINFO(fcinfo, 2);
	FmgrInfo get;
	Datum value;
	char *tags;

	if ((strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) || headers[0] != '{' ||
		!AC_IS_JSON((char *) headers, strlen(headers)))
		return false;
	fmgr_info(F_JSON_OBJECT_FIELD_TEXT, &get);
	InitFunctionCallInfoData(*fcinfo, &get, 2, InvalidOid, NULL, NULL);
	fcinfo->args[0] = (NullableDatum){CStringGetTextDatum(headers), false};
	fcinfo->args[1] = (NullableDatum){CStringGetTextDatum("if-none-match"), false};
	value = FunctionCallInvoke(fcinfo);
	if (fcinfo->isnull)
		return false;
	tags = TextDatumGetCString(value);
	return strcmp(tags, "*") == 0 || strstr(tags, etag) != NULL;
}

static void
tell_headers(const HttpAnswer *answer, const char *before)
{
	Jsonb *jsonb = DatumGetJsonbP(answer->jsonb);
	char *etag = answer->code == NULL ? etag_of(jsonb) : NULL;
	char *moment = answer->code == NULL ? computed_at(jsonb) : NULL;
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfoChar(&out, '[');
	add_header(&out, before, "X-Cache-Hit", answer->hit ? "true" : "false");
	add_header(&out, before, "X-Cached", answer->hit ? "true" : "false");
	if (moment != NULL)
		add_header(&out, before, "X-Computed-At", moment);
	add_header(&out, before, "Cache-Control", answer->code == NULL ? cache_control(answer) : "no-store");
	if (etag != NULL)
		add_header(&out, before, "ETag", etag);
	http_end_headers(&out, before);
	set(HEADERS, out.data);
	if (etag != NULL && setting(STATUS)[0] == '\0' && client_has(etag))
		set(STATUS, "304");
}

/* Another answer of the same transaction: what was told of the first does not hold for both. */
static bool
take_back(void)
{
	if (told_at != GetCurrentTransactionStartTimestamp())
		return false;
	if (headers_before != NULL)
	{
		set(HEADERS, headers_before);
		set(STATUS, "");
		headers_before = NULL;
	}
	return true;
}

void
http_tell(const HttpAnswer *answer)
{
	const char *before = setting(HEADERS);

	if (take_back())
		return;
	told_at = GetCurrentTransactionStartTimestamp();
	headers_before = MemoryContextStrdup(TopTransactionContext, before);
	if (ac_http_headers && http_may_add_headers(before))
		tell_headers(answer, headers_before);
	if (ac_http_error_status && answer->code != NULL)
		set(STATUS, status_of(answer->code));
}
