/*
 * key.c
 *		The cache key of a call of a function.
 *
 * Two calls have one key only if nothing that shows in an answer, other than
 * what tags tell, differs between them.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "common/hashfn.h"
#include "common/jsonapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "nodes/value.h"
#include "parser/parser.h"
#include "parser/parse_expr.h"
#include "pgtime.h"
#include "tsearch/ts_cache.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/bytea.h"
#include "utils/float.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/guc_tables.h"
#include "utils/jsonfuncs.h"
#include "utils/rls.h"
#include "utils/xml.h"

#include "base/compat.h"
#include "memo/clock_words.h"
#include "memo/key.h"

/* Who asks, and settings that are numbers.  No padding. */
typedef struct FixedPart
{
	FunctionKey function;
	TransactionId xmin;
	uint16 tid[3];
	bool plain_strings;
	bool zero;
	Oid form;
	Oid user;
	Oid session_user;
	Oid collation;
	int32 date_style;
	int32 date_order;
	int32 interval_style;
	int32 float_digits;
	int32 bytea_style;
	int32 xml_binary;
	int32 xml_option;
	int32 nargs;
	int32 client_encoding;
	uint32 arguments; /* where they begin */
	bool row_level_security;
	bool quotes_all;
	bool nulls_in_arrays;
	bool nulls_by_equals;
} FixedPart;

static void
make_room(CallKey *key, Size size)
{
	uint32 room = (key->size + size) * 2;
	char *larger = palloc(room);

	memcpy(larger, key->bytes, key->size);
	key->bytes = larger;
	key->room = room;
}

static inline void
append(CallKey *key, const void *bytes, Size size)
{
	if (unlikely(key->size + size > key->room))
		make_room(key, size);
	memcpy(key->bytes + key->size, bytes, size);
	key->size += size;
}

/* A NULL is another than any text. */
static void
append_text(CallKey *key, const char *text)
{
	char is_there = text != NULL;

	append(key, &is_there, 1);
	if (text != NULL)
		append(key, text, strlen(text) + 1);
}

static void
append_fixed_part(CallKey *key, const MemoFunction *function, FunctionCallInfo fcinfo)
{
	FixedPart fixed = {.function = {MyDatabaseId, function->function},
					   .xmin = function->xmin,
					   .tid = {function->tid.ip_blkid.bi_hi, function->tid.ip_blkid.bi_lo,
							   function->tid.ip_posid},
					   .form = function->form,
					   .user = OidIsValid(function->user) ? function->user : GetUserId(),
					   .session_user = GetSessionUserId(),
					   /* A form's function is called anew. */
					   .collation = OidIsValid(function->form) ? InvalidOid : fcinfo->fncollation,
					   .date_style = DateStyle,
					   .date_order = DateOrder,
					   .interval_style = IntervalStyle,
					   .float_digits = extra_float_digits,
					   .bytea_style = bytea_output,
					   .xml_binary = xmlbinary,
					   .xml_option = xmloption,
					   .nargs = fcinfo->nargs,
					   .client_encoding = pg_get_client_encoding(),
					   .row_level_security = row_security,
					   .quotes_all = quote_all_identifiers,
					   .nulls_in_arrays = Array_nulls,
					   .nulls_by_equals = Transform_null_equals,
					   .plain_strings = standard_conforming_strings};

	StaticAssertStmt(sizeof(FixedPart) == 80, "keys are compared as bytes");
	StaticAssertStmt(offsetof(FixedPart, plain_strings) == CALL_KEY_VERSION_END,
					 "the version lies where it is looked for");
	append(key, &fixed, sizeof(fixed));
}

/*
 * A setting's value, which is looked for once.  A placeholder for one of a
 * module that is not loaded comes and goes; the module's own stays.  Looking
 * takes longer than the rest of a hit: only when there are more than before.
 */
typedef struct Setting
{
	const char *name;
	enum config_type type;
	struct config_generic *found; /* the module's own */
	bool is_there;				  /* that, or a placeholder */
	int looked_among;
} Setting;

static struct config_generic *
find_setting(Setting *setting)
{
	struct config_generic *found;

	if (setting->found != NULL || !AC_MORE_SETTINGS_THAN(setting->looked_among))
		return setting->found;
	found = AC_FIND_SETTING(setting->name);
	setting->is_there = found != NULL;
	if (found != NULL && found->vartype == setting->type)
		setting->found = found;
	setting->looked_among = AC_NSETTINGS();
	return setting->found;
}

static const char *
zone_abbreviations(void)
{
	static Setting setting = {"timezone_abbreviations", PGC_STRING};
	struct config_string *found = (struct config_string *) find_setting(&setting);

	return found == NULL ? NULL : *found->variable;
}

/* What was set before plpgsql is loaded it will go by; nothing: its default. */
static const char *
variable_conflict(void)
{
	static Setting setting = {"plpgsql.variable_conflict", PGC_ENUM};
	struct config_enum *found = (struct config_enum *) find_setting(&setting);
	const char *placeholder;

	if (found != NULL)
		return config_enum_lookup_by_value(found, *found->variable);
	placeholder = setting.is_there ? GetConfigOption(setting.name, true, false) : NULL;
	return placeholder != NULL ? placeholder : "error";
}

#define NTEXTS 9

/* As append_text() has them, of the last key: most have the same, and these are one piece. */
typedef struct Texts
{
	uint32 size; /* 0: none, or too many bytes */
	uint32 ends[NTEXTS];
	char bytes[512];
} Texts;

static Texts texts = {0};

static bool
are_remembered(const char *const *now)
{
	uint32 at = 0;

	for (int i = 0; i < NTEXTS; at = texts.ends[i++])
	{
		if (texts.bytes[at] != (now[i] != NULL) ||
			(now[i] != NULL && strcmp(texts.bytes + at + 1, now[i]) != 0))
			return false;
	}
	return true;
}

static void
remember(const CallKey *key, const char *const *now, uint32 from)
{
	texts.size = key->size - from;
	if (texts.size > sizeof(texts.bytes))
		texts.size = 0;
	memcpy(texts.bytes, key->bytes + from, texts.size);
	for (int i = 0, end = 0; i < NTEXTS; i++)
		texts.ends[i] = end += now[i] == NULL ? 1 : strlen(now[i]) + 2;
}

static void
append_settings(CallKey *key)
{
	const char *const now[NTEXTS] = {pg_get_timezone_name(session_timezone),
									 namespace_search_path,
									 locale_monetary,
									 locale_numeric,
									 locale_time,
									 locale_messages,
									 TSCurrentConfig,
									 zone_abbreviations(),
									 variable_conflict()};
	uint32 from = key->size;

	if (texts.size > 0 && are_remembered(now))
	{
		append(key, texts.bytes, texts.size);
		return;
	}
	for (int i = 0; i < NTEXTS; i++)
		append_text(key, now[i]);
	remember(key, now, from);
}

/* Of both parts above. */
const char *const call_key_names[] = {"the function's definition",
									  "current_user",
									  "session_user",
									  "search_path",
									  "TimeZone",
									  "timezone_abbreviations",
									  "DateStyle",
									  "IntervalStyle",
									  "extra_float_digits",
									  "bytea_output",
									  "xmlbinary",
									  "xmloption",
									  "lc_messages",
									  "lc_monetary",
									  "lc_numeric",
									  "lc_time",
									  "default_text_search_config",
									  "client_encoding",
									  "row_security",
									  "quote_all_identifiers",
									  "array_nulls",
									  "transform_null_equals",
									  "plpgsql.variable_conflict"};
const int call_key_nnames = lengthof(call_key_names);

/* ---- what the function's author names ---- */

/*
 * A field of an object as it stands there; NULL if there is none.  A text that is no
 * object is told as it is.
 */
static char *
json_field(char *whole, char *field)
{
	LOCAL_FCINFO(fcinfo, 2);
	FmgrInfo get;
	Datum value;

	if (whole == NULL || whole[0] != '{' || !AC_IS_JSON(whole, strlen(whole)))
		return whole;
	fmgr_info(F_JSON_OBJECT_FIELD, &get);
	InitFunctionCallInfoData(*fcinfo, &get, 2, InvalidOid, NULL, NULL);
	fcinfo->args[0] = (NullableDatum){CStringGetTextDatum(whole), false};
	fcinfo->args[1] = (NullableDatum){CStringGetTextDatum(field), false};
	value = FunctionCallInvoke(fcinfo);
	return fcinfo->isnull ? NULL : TextDatumGetCString(value);
}

/* A setting; or, where the name goes on after one that holds an object, what it leads to in it. */
static void
append_named(CallKey *key, const char *name)
{
	char *copy = pstrdup(name);
	char *value = GetConfigOptionByName(copy, NULL, true);
	char *dot;

	append_text(key, value);
	while (value == NULL && (dot = strrchr(copy, '.')) != NULL)
	{
		*dot = '\0';
		value = GetConfigOptionByName(copy, NULL, true);
	}
	for (char *end = copy + strlen(copy); end < copy + strlen(name) && value != NULL;
		 end += strlen(end + 1) + 1)
		value = json_field(value, end + 1);
	append_text(key, value);
}

/* ---- arguments ---- */

/* Detoasted, and by its length. */
static void
append_varlena(CallKey *key, Datum value)
{
	struct varlena *whole = PG_DETOAST_DATUM_PACKED(value);
	uint32 size = VARSIZE_ANY_EXHDR(whole);

	append(key, &size, sizeof(size));
	append(key, VARDATA_ANY(whole), size);
}

static void
append_argument(CallKey *key, const ArgumentType *type, const NullableDatum *argument)
{
	append(key, &argument->isnull, 1);
	if (argument->isnull)
		return;
	if (type->by_value)
		append(key, &argument->value, sizeof(Datum));
	else if (type->length == -1)
		append_varlena(key, argument->value);
	else
		append(key, DatumGetPointer(argument->value), type->length);
}

/* The row shape that a caller asks for. */
static void
append_shape(CallKey *key, FunctionCallInfo fcinfo)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	int32 natts = -1;

	if (rsinfo == NULL || !IsA(rsinfo, ReturnSetInfo) || rsinfo->expectedDesc == NULL)
	{
		append(key, &natts, sizeof(natts));
		return;
	}
	natts = rsinfo->expectedDesc->natts;
	append(key, &natts, sizeof(natts));
	for (int i = 0; i < natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(rsinfo->expectedDesc, i);

		append(key, &att->atttypid, sizeof(att->atttypid));
		append(key, &att->atttypmod, sizeof(att->atttypmod));
	}
}

void
call_key_make(CallKey *key, const MemoFunction *function, FunctionCallInfo fcinfo)
{
	ListCell *cell;

	key->bytes = key->first;
	key->room = sizeof(key->first);
	key->size = 0;
	append_fixed_part(key, function, fcinfo);
	append_settings(key);
	foreach(cell, function->vary_by)
		append_named(key, lfirst(cell));
	if (function->result_type == RECORDOID)
		append_shape(key, fcinfo);
	key->arguments = key->size;
	memcpy(key->bytes + offsetof(FixedPart, arguments), &key->arguments, sizeof(key->arguments));
	for (int i = 0; i < function->nargs; i++)
		append_argument(key, &function->args[i], &fcinfo->args[i]);
}

uint64
call_key_hash_arguments(const CallKey *key)
{
	return hash_bytes_extended((const unsigned char *) key->bytes + key->arguments,
							   key->size - key->arguments, 0);
}

uint64
hash_arguments(const MemoFunction *function, const NullableDatum *arguments)
{
	CallKey key = {.bytes = key.first, .room = sizeof(key.first)};

	for (int i = 0; i < function->nargs; i++)
		append_argument(&key, &function->args[i], &arguments[i]);
	return call_key_hash_arguments(&key);
}

/* ---- taken apart ---- */

typedef struct KeyReader
{
	const char *at;
	const char *end;
	bool broken; /* it ends too early */
} KeyReader;

static const char *
take(KeyReader *reader, Size size)
{
	const char *at = reader->at;

	if (reader->broken || reader->end - at < size)
	{
		reader->broken = true;
		return NULL;
	}
	reader->at += size;
	return at;
}

static void
take_into(KeyReader *reader, void *to, Size size)
{
	const char *from = take(reader, size);

	if (from == NULL)
		memset(to, 0, size);
	else
		memcpy(to, from, size);
}

/* As append_text() left it; good as long as the key is. */
static const char *
take_text(KeyReader *reader)
{
	char is_there;
	const char *text;
	Size length;

	take_into(reader, &is_there, 1);
	if (!is_there)
		return NULL;
	length = strnlen(reader->at, reader->end - reader->at);
	text = take(reader, length + 1);
	return text;
}

static void
take_argument(KeyReader *reader, const ArgumentType *type, NullableDatum *argument)
{
	const char *from;
	uint32 size = type->length;

	take_into(reader, &argument->isnull, 1);
	argument->value = (Datum) 0;
	if (argument->isnull)
		return;
	if (type->by_value)
	{
		take_into(reader, &argument->value, sizeof(Datum));
		return;
	}
	if (type->length == -1)
		take_into(reader, &size, sizeof(size));
	from = take(reader, size);
	if (from == NULL)
		return;
	if (type->length == -1)
	{
		struct varlena *whole = palloc(VARHDRSZ + size);

		SET_VARSIZE(whole, VARHDRSZ + size);
		memcpy(VARDATA(whole), from, size);
		argument->value = PointerGetDatum(whole);
	}
	else
		argument->value = PointerGetDatum(memcpy(palloc(size), from, size));
}

static void
add_setting(OpenedKey *opened, const char *name, const char *value)
{
	if (value != NULL)
		opened->settings = lappend(lappend(opened->settings, pstrdup(name)), pstrdup(value));
}

/* One of n names; a number that is none of theirs is left as it is. */
static void
add_choice(OpenedKey *opened, const char *name, const char *const *names, int n, int32 value)
{
	if (value >= 0 && value < n)
		add_setting(opened, name, names[value]);
}

/* The numbers as names; where one means something else, the call's key will differ. */
static void
open_fixed_settings(OpenedKey *opened, const FixedPart *fixed)
{
	static const char *const styles[] = {"Postgres", "ISO", "SQL", "German"};
	static const char *const orders[] = {"YMD", "DMY", "MDY"};
	static const char *const intervals[] = {"postgres", "postgres_verbose", "sql_standard", "iso_8601"};
	static const char *const bytea[] = {"escape", "hex"};
	static const char *const binaries[] = {"base64", "hex"};
	static const char *const options[] = {"document", "content"};
	static const char *const switches[] = {"off", "on"};

	add_choice(opened, "DateStyle", styles, lengthof(styles), fixed->date_style);
	add_choice(opened, "DateStyle", orders, lengthof(orders), fixed->date_order);
	add_choice(opened, "IntervalStyle", intervals, lengthof(intervals), fixed->interval_style);
	add_setting(opened, "extra_float_digits", psprintf("%d", fixed->float_digits));
	add_choice(opened, "bytea_output", bytea, lengthof(bytea), fixed->bytea_style);
	add_choice(opened, "xmlbinary", binaries, lengthof(binaries), fixed->xml_binary);
	add_choice(opened, "xmloption", options, lengthof(options), fixed->xml_option);
	if (PG_VALID_FE_ENCODING(fixed->client_encoding))
		add_setting(opened, "client_encoding", pg_encoding_to_char(fixed->client_encoding));
	add_choice(opened, "row_security", switches, 2, fixed->row_level_security);
	add_choice(opened, "quote_all_identifiers", switches, 2, fixed->quotes_all);
	add_choice(opened, "array_nulls", switches, 2, fixed->nulls_in_arrays);
	add_choice(opened, "transform_null_equals", switches, 2, fixed->nulls_by_equals);
}

/* The shape of the rows, which the call will have again or not. */
static void
skip_shape(KeyReader *reader)
{
	int32 natts;

	take_into(reader, &natts, sizeof(natts));
	if (natts > 0 && natts <= MaxTupleAttributeNumber)
		(void) take(reader, natts * (sizeof(Oid) + sizeof(int32)));
}

bool
call_key_open(const StoreKey *key, const MemoFunction *function, OpenedKey *opened)
{
	static const char *const names[NTEXTS] = {"TimeZone",
											  "search_path",
											  "lc_monetary",
											  "lc_numeric",
											  "lc_time",
											  "lc_messages",
											  "default_text_search_config",
											  "timezone_abbreviations",
											  "plpgsql.variable_conflict"};
	KeyReader reader = {.at = key->bytes, .end = key->bytes + key->size};
	FixedPart fixed;

	take_into(&reader, &fixed, sizeof(fixed));
	if (reader.broken || !is_call_key(key) || fixed.function.dboid != MyDatabaseId ||
		fixed.function.function != function->function || function->vary_by != NIL ||
		(OidIsValid(fixed.form) ? fixed.nargs < function->nargs : fixed.nargs != function->nargs))
		return false;
	memset(opened, 0, sizeof(*opened));
	opened->function = fixed.function.function;
	opened->form = fixed.form;
	opened->user = fixed.user;
	opened->session_user = fixed.session_user;
	opened->nargs = function->nargs;
	open_fixed_settings(opened, &fixed);
	for (int i = 0; i < NTEXTS; i++)
		add_setting(opened, names[i], take_text(&reader));
	if (function->result_type == RECORDOID && !OidIsValid(fixed.form))
		skip_shape(&reader);
	for (int i = 0; i < opened->nargs; i++)
		take_argument(&reader, &function->args[i], &opened->args[i]);
	return !reader.broken && reader.at == reader.end;
}

FunctionKey
call_key_function(const StoreKey *key)
{
	FunctionKey function;

	memcpy(&function, key->bytes, sizeof(function));
	return function;
}

static FixedPart
fixed_part(const StoreKey *key)
{
	FixedPart fixed;

	memcpy(&fixed, key->bytes, sizeof(fixed));
	return fixed;
}

Oid
call_key_form(const StoreKey *key)
{
	return fixed_part(key).form;
}

const char *
call_key_arguments(const StoreKey *key)
{
	return key->bytes + fixed_part(key).arguments;
}

bool
call_key_has_clock_words(const CallKey *key)
{
	return has_clock_word(key->bytes + key->arguments, key->size - key->arguments);
}

/* Whether a setting is named, or a field of it: what is in the field its author vouches for. */
static bool
names_setting(const char *named, const char *setting)
{
	size_t n = strlen(setting);

	return pg_strncasecmp(named, setting, n) == 0 && (named[n] == '\0' || named[n] == '.');
}

static bool
has_setting(const MemoFunction *function, const char *setting)
{
	ListCell *cell;

	for (int i = 0; i < call_key_nnames; i++)
	{
		if (pg_strcasecmp(call_key_names[i], setting) == 0)
			return true;
	}
	foreach(cell, function->vary_by)
	{
		if (names_setting(lfirst(cell), setting))
			return true;
	}
	return false;
}

bool
call_key_has_settings(const MemoFunction *function, const List *settings)
{
	ListCell *cell;

	foreach(cell, settings)
	{
		if (!has_setting(function, strVal(lfirst(cell))))
			return false;
	}
	return true;
}
