/*
 * kept_own_days.c
 *		Days by rules.compute_function as rows of private.availability_cache.
 *
 * They are answers of a function, and exact as these are (memo/kept_calls.c); only the
 * table and its columns for people are the built-in rules'.  A key has more
 * than the table's primary key: v2 or json, and settings.  Where several
 * are asked for, the row is of the one that was kept last, and the others'
 * are in memory alone.
 *
 * Locking: see table/tables.c.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "base/guard.h"
#include "entry/kept_own_days.h"
#include "memo/kept_calls.h"
#include "memo/key.h"
#include "memo/seen.h"
#include "memo/value.h"
#include "slots/compute.h"
#include "slots/kept_days.h"
#include "slots/tags.h"
#include "table/catalogs.h"

/* Of the function's day there are hours in the UTC days before and after it. */
#define DAYS_AROUND 1

/* The arguments of a call of v2, of which only the zone may be NULL; in the current context. */
static RowDay *
row_day_of(const StoreKey *key)
{
	RowDay *day = palloc(sizeof(*day));
	const char *at = call_key_arguments(key);
	Datum date;
	uint32 size = 0;

	memcpy(&day->stylist, at + 1, UUID_LEN);
	at += 1 + UUID_LEN;
	memcpy(&day->service, at + 1, UUID_LEN);
	at += 1 + UUID_LEN;
	memcpy(&date, at + 1, sizeof(date));
	at += 1 + sizeof(date);
	day->date = DatumGetDateADT(date);
	if (!at[0])
		memcpy(&size, at + 1, sizeof(size));
	day->zone = PointerGetDatum(cstring_to_text_with_len(at + 1 + sizeof(size), size));
	return day;
}

static int
find(const StoreKey *key, ScanKeyData *keys)
{
	return row_day_find(row_day_of(key), keys);
}

static uint32
claim(const StoreKey *key)
{
	return row_day_claim(row_day_of(key));
}

/* The checksum is of the whole key. */
static bool
is_of(TierRelation *rows, HeapTuple row, const StoreKey *key)
{
	return true;
}

/* ---- what people see of it ---- */

typedef struct Shown
{
	Oid form;
	Datum answer;
	Datum slots;
} Shown;

static void
show(void *arg)
{
	Shown *shown = arg;
	Datum answer = shown->answer;

	/* What is json need not be jsonb. */
	if (shown->form != JSONBOID)
		answer = DirectFunctionCall1(jsonb_in,
									 CStringGetDatum(TextDatumGetCString(compute_json(answer, true))));
	shown->slots = DirectFunctionCall2(jsonb_object_field, answer, CStringGetTextDatum("slots"));
}

static Datum
answer_of(const Computed *result, Oid form)
{
	MemoFunction value = {.result_type = form, .result_length = -1};
	CallResult unpacked;

	answer_of_call_unpack(&value, result->payload, NULL, false, &unpacked);
	return unpacked.value;
}

/* Anybody may call with a zone that is none, of any length, and with a day at the end of all days. */
static bool
has_place(const RowDay *day)
{
	return VARSIZE_ANY_EXHDR(DatumGetPointer(day->zone)) <= TZ_STRLEN_MAX && !DATE_NOT_FINITE(day->date) &&
		   IS_VALID_DATE(day->date - DAYS_AROUND) && IS_VALID_DATE(day->date + DAYS_AROUND);
}

static bool
fill(const StoreKey *key, const Computed *result, Datum *values)
{
	RowDay *day = row_day_of(key);
	Oid form = call_key_form(key);
	Shown shown = {form, answer_of(result, form)};

	if (!has_place(day))
		return false;
	if (form == JSONBOID)
		show(&shown);
	else if (guarded(show, &shown) != NULL)
		return false;
	row_day_fill(day, day->date - DAYS_AROUND, day->date + DAYS_AROUND, values);
	values[ROW_SLOTS - 1] = shown.slots;
	values[ROW_COMPUTED_AT - 1] = TimestampTzGetDatum(result->valid_from);
	return true;
}

const RowKind kept_own_days = {.format = FORMAT_FORM,
							   .beside = &kept_days,
							   .expires_at = ROW_EXPIRES_AT,
							   .snapshot = ROW_SNAPSHOT,
							   .answer = ROW_ANSWER,
							   .find = find,
							   .is_of = is_of,
							   .claim = claim,
							   .fill = fill,
							   .is_whole = answer_of_call_is_whole,
							   .outlives_memory = answer_of_call_is_logged,
							   .definitions = catalogs_state,
							   .definitions_hold = kept_calls_definitions_hold};

void
kept_own_days_init(void)
{
	row_kind_register(&kept_own_days);
}

void
kept_own_days_note(const pg_uuid_t *stylist, DateADT date)
{
	seen_note_tag(tag_of_stylist_day(stylist, date));
}
