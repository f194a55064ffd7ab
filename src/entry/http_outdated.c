/*
 * http_outdated.c
 *		Headers that say what a request's transaction outdated.
 *
 * PostgREST reads the setting response.headers in the select list around the
 * call of a function, when the function's statements and their row triggers
 * are over.  The setting is made ours, so that what is outdated is added when
 * it is shown: whatever the function does to its own headers, before or after
 * it writes, both are there, and writing a row costs nothing for them.
 */
#include "postgres.h"

#include "access/xact.h"
#include "lib/stringinfo.h"
#include "utils/json.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/settings.h"
#include "entry/http.h"
#include "entry/http_outdated.h"
#include "entry/outdated_text.h"

/* Proxies take 4 kB of headers in all. */
#define MAX_NAMESPACES_LENGTH 500
#define MAX_KEYS_LENGTH 2000

static char *response_headers = NULL;

/* In a list, with what could be mistaken percent-encoded; all: '*'. */
static char *
namespace_list(const OutdatedText *text)
{
	StringInfoData out;
	ListCell *cell;

	if (text->everything)
		return "*";
	initStringInfo(&out);
	foreach(cell, text->namespaces)
	{
		appendStringInfoString(&out, out.len > 0 ? ", " : "");
		for (const unsigned char *at = lfirst(cell); *at != '\0'; at++)
			appendStringInfo(&out,
							 (*at < 128 && isalnum(*at)) || strchr("_.-", *at) != NULL ? "%c" : "%%%02X",
							 *at);
	}
	return out.len > MAX_NAMESPACES_LENGTH ? "*" : out.data;
}

static void
append_header(StringInfo out, const char *name, const char *value)
{
	appendStringInfo(out, "%s{\"%s\": ", out->len > 1 ? ", " : "", name);
	escape_json(out, value);
	appendStringInfoChar(out, '}');
}

/*
 * An array that is not ended; empty: nothing is outdated.  Keys that are too many are
 * left out: then it is all of the namespaces.
 */
static void
begin_headers(StringInfo out, const Outdated *outdated)
{
	OutdatedText text;

	outdated_describe(outdated, true, &text);
	if (!text.everything && text.namespaces == NIL)
		return;
	appendStringInfoChar(out, '[');
	append_header(out, "X-Cache-Invalidate", namespace_list(&text));
	if (!text.everything && strlen(text.keys) <= MAX_KEYS_LENGTH)
		append_header(out, "X-Cache-Invalidate-Keys", text.keys);
	append_header(out, "X-Cache-Invalidate-Timestamp", timestamp_text(GetCurrentTimestamp()));
	append_header(out, "Access-Control-Expose-Headers",
				  "X-Cache-Invalidate, X-Cache-Invalidate-Keys, X-Cache-Invalidate-Timestamp");
}

static const char *
show_headers(void)
{
	const char *there = response_headers == NULL ? "" : response_headers;
	const Outdated *outdated = ac_http_headers && IsTransactionState() ? outdated_now() : NULL;
	StringInfoData out;

	if (outdated == NULL || !http_may_add_headers(there))
		return there;
	initStringInfo(&out);
	begin_headers(&out, outdated);
	if (out.len == 0)
		return there;
	http_end_headers(&out, there);
	return out.data;
}

void
http_outdated_init(void)
{
	struct config_generic *there = AC_FIND_SETTING("response.headers");

	/* Another extension's stays as it is. */
	if (there == NULL || (there->flags & GUC_CUSTOM_PLACEHOLDER) != 0)
		DefineCustomStringVariable(
			"response.headers", "Headers of the response, as PostgREST takes them.",
			"A JSON array of objects. What the transaction outdated is added when it is shown.",
			&response_headers, "", PGC_USERSET, 0, NULL, NULL, show_headers);
}
