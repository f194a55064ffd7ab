/*
 * builtins.c
 *		What may come of calling a function of the server's.
 *
 * Those that are not IMMUTABLE keep an answer out, but for a list that go by
 * arguments, by settings that are in every key (key.c) and by names.
 */
#include "postgres.h"

#include "catalog/pg_proc.h"

#include "memo/builtins.h"
#include "memo/words.h"

/* STABLE ones of the server's that depend on nothing but arguments and what every key has. */
static const char *const harmless[] = {"anytextcat",
									   "array_to_json",
									   "array_to_string",
									   "concat",
									   "concat_ws",
									   "convert",
									   "convert_from",
									   "convert_to",
									   "current_database",
									   "current_schema",
									   "current_user",
									   "date",
									   "enum_first",
									   "enum_last",
									   "enum_range",
									   "extract",
									   "format",
									   "generate_series",
									   "get_current_ts_config",
									   "getdatabaseencoding",
									   "getpgusername",
									   "in_range",
									   "interval_pl_timestamptz",
									   "json_agg",
									   "json_agg_strict",
									   "json_agg_strict_transfn",
									   "json_agg_transfn",
									   "json_build_array",
									   "json_build_object",
									   "json_object_agg",
									   "json_object_agg_strict",
									   "json_object_agg_transfn",
									   "json_object_agg_unique",
									   "json_object_agg_unique_strict",
									   "json_populate_record",
									   "json_populate_recordset",
									   "json_to_record",
									   "json_to_recordset",
									   "json_to_tsvector",
									   "jsonb_agg",
									   "jsonb_agg_finalfn",
									   "jsonb_agg_strict",
									   "jsonb_agg_strict_transfn",
									   "jsonb_agg_transfn",
									   "jsonb_build_array",
									   "jsonb_build_object",
									   "jsonb_object_agg_finalfn",
									   "jsonb_object_agg",
									   "jsonb_object_agg_strict",
									   "jsonb_object_agg_transfn",
									   "jsonb_object_agg_unique",
									   "jsonb_object_agg_unique_strict",
									   "jsonb_path_exists_tz",
									   "jsonb_path_match_tz",
									   "jsonb_path_query_array_tz",
									   "jsonb_path_query_first_tz",
									   "jsonb_path_query_tz",
									   "jsonb_populate_record",
									   "jsonb_populate_recordset",
									   "jsonb_to_record",
									   "jsonb_to_recordset",
									   "jsonb_to_tsvector",
									   "length",
									   "make_timestamptz",
									   "money",
									   "numeric",
									   "overlaps",
									   "pg_client_encoding",
									   "phraseto_tsquery",
									   "plainto_tsquery",
									   "quote_literal",
									   "quote_nullable",
									   "row_to_json",
									   "session_user",
									   "string_to_array",
									   "string_to_table",
									   "textanycat",
									   "time",
									   "timestamp",
									   "timestamptz",
									   "timetz",
									   "timezone",
									   "to_char",
									   "to_date",
									   "to_json",
									   "to_jsonb",
									   "to_number",
									   "to_timestamp",
									   "to_tsquery",
									   "to_tsvector",
									   "ts_headline",
									   "ts_match_tq",
									   "ts_match_tt",
									   "version",
									   "websearch_to_tsquery",
									   "xml",
									   "xml_is_well_formed"};

static const char *const clocks[] = {"clock_timestamp", "now", "statement_timestamp", "timeofday",
									 "transaction_timestamp"};

static bool
begins_with(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

static bool
ends_with(const char *name, const char *suffix)
{
	size_t n = strlen(name);
	size_t m = strlen(suffix);

	return n >= m && strcmp(name + n - m, suffix) == 0;
}

/* Comparisons and sums of times go by the time zone; so do values' texts. */
static bool
is_harmless(const char *name)
{
	return name_is_among(name, harmless, lengthof(harmless)) || begins_with(name, "timestamp_") ||
		   begins_with(name, "timestamptz_") || begins_with(name, "date_") || ends_with(name, "_in") ||
		   ends_with(name, "_out");
}

BuiltinUse
builtin_use(const char *name, char volatility)
{
	if (name_is_among(name, clocks, lengthof(clocks)))
		return BUILTIN_CLOCK;
	if (volatility == PROVOLATILE_IMMUTABLE)
		return BUILTIN_HARMLESS;
	if (strcmp(name, "age") == 0)
		return BUILTIN_DATE;
	if (strcmp(name, "current_setting") == 0)
		return BUILTIN_SESSION;
	if (volatility != PROVOLATILE_STABLE)
		return BUILTIN_REFUSED;
	return is_harmless(name) ? BUILTIN_HARMLESS : BUILTIN_UNSEEN;
}
