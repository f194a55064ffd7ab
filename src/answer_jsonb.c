/*
 * answer_jsonb.c
 *		Writes an answer's jsonb straight from its compact form.
 *
 * jsonb's binary form (utils/jsonb.h) is a header, an entry (JEntry) for each
 * key and value, then their bytes; objects' keys are in order of length, then
 * bytes.  All slots have the same keys, so an object is written front to back
 * with no tree built before.  test/sql/03_jsonb.sql compares what is written here
 * with what the server's own parser makes of its text.
 */
#include "postgres.h"

#include "answer.h"
#include "datatype/timestamp.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/numeric.h"

/* Every key of a slot, in jsonb's order, and the same in one piece. */
#define SLOT_NKEYS 7
static const uint8 slot_key_sizes[SLOT_NKEYS] = {6, 11, 12, 12, 14, 14, 16};
static const char slot_keys[] = "status"
								"price_cents"
								"slot_display"
								"slot_end_utc"
								"slot_end_local"
								"slot_start_utc"
								"slot_start_local";

#define ANSWER_NKEYS 5
static const uint8 answer_key_sizes[ANSWER_NKEYS] = {5, 6, 7, 9, 11};
static const char answer_keys[] = "slots"
								  "cached"
								  "success"
								  "cache_hit"
								  "computed_at";

#define ERROR_NKEYS 3
static const uint8 error_key_sizes[ERROR_NKEYS] = {4, 5, 7};
static const char error_keys[] = "code"
								 "error"
								 "success";

#define LOCAL_TEXT_SIZE 19 /* 2025-10-16T09:45:00 */
#define UTC_TEXT_SIZE 25   /* 2025-10-16T04:00:00+00:00 */
#define NOW_TEXT_SIZE 32   /* 2025-10-16T04:00:00.123456+00:00 */

/* An object or array being written: where its next entry goes, how long its data is so far. */
typedef struct Container
{
	int entry_at;
	int index;
	uint32 total;
} Container;

/* Bytes that the buffer gains until its length is a multiple of four. */
static int
pad_to_int(StringInfo out)
{
	int padding = INTALIGN(out->len) - out->len;

	for (int i = 0; i < padding; i++)
		appendStringInfoCharMacro(out, '\0');
	return padding;
}

static Container
open_container(StringInfo out, uint32 header, int nentries)
{
	Container c = {.entry_at = out->len + sizeof(uint32)};

	enlargeStringInfo(out, sizeof(uint32) + nentries * sizeof(JEntry));
	memcpy(out->data + out->len, &header, sizeof(header));
	out->len += sizeof(uint32) + nentries * sizeof(JEntry);
	return c;
}

/* The entry of a key or value whose bytes have been (or will be) appended. */
static void
add_entry(StringInfo out, Container *c, uint32 type, uint32 size)
{
	JEntry entry;

	c->total += size;
	if (c->total > JENTRY_OFFLENMASK)
		ereport(ERROR, errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("the answer is too large for jsonb"));
	/* Every so many entries one holds an offset instead of a length. */
	entry = c->index % JB_OFFSET_STRIDE == 0 ? type | c->total | JENTRY_HAS_OFF : type | size;
	memcpy(out->data + c->entry_at, &entry, sizeof(entry));
	c->entry_at += sizeof(entry);
	c->index++;
}

static Container
open_object(StringInfo out, int nkeys, const uint8 *sizes, const char *keys)
{
	Container c = open_container(out, nkeys | JB_FOBJECT, 2 * nkeys);

	for (int i = 0; i < nkeys; i++)
		add_entry(out, &c, JENTRY_ISSTRING, sizes[i]);
	appendBinaryStringInfo(out, keys, c.total);
	return c;
}

static void
add_string(StringInfo out, Container *c, const char *value, int size)
{
	appendBinaryStringInfo(out, value, size);
	add_entry(out, c, JENTRY_ISSTRING, size);
}

static void
add_bool(StringInfo out, Container *c, bool value)
{
	add_entry(out, c, value ? JENTRY_ISBOOL_TRUE : JENTRY_ISBOOL_FALSE, 0);
}

static void
add_numeric(StringInfo out, Container *c, Numeric value)
{
	int padding = pad_to_int(out);
	int size = VARSIZE(value);

	appendBinaryStringInfo(out, (char *) value, size);
	add_entry(out, c, JENTRY_ISNUMERIC, padding + size);
}

static void
write_digits(char *out, int n, int digits)
{
	for (int i = digits - 1; i >= 0; i--)
	{
		out[i] = '0' + n % 10;
		n /= 10;
	}
}

/* YYYY-MM-DDTHH:MI:SS of a moment in whole seconds, in years of four digits. */
static void
write_datetime(char *out, Timestamp t)
{
	int64 seconds = t / USECS_PER_SEC;
	int64 day = seconds / SECS_PER_DAY;
	int of_day = seconds % SECS_PER_DAY;
	int y;
	int m;
	int d;

	if (of_day < 0)
	{
		of_day += SECS_PER_DAY;
		day--;
	}
	j2date(day + POSTGRES_EPOCH_JDATE, &y, &m, &d);
	write_digits(out, y, 4);
	out[4] = out[7] = '-';
	write_digits(out + 5, m, 2);
	write_digits(out + 8, d, 2);
	out[10] = 'T';
	write_digits(out + 11, of_day / SECS_PER_HOUR, 2);
	out[13] = out[16] = ':';
	write_digits(out + 14, of_day / SECS_PER_MINUTE % 60, 2);
	write_digits(out + 17, of_day % 60, 2);
}

static void
add_local(StringInfo out, Container *c, Timestamp t)
{
	char buffer[LOCAL_TEXT_SIZE];

	write_datetime(buffer, t);
	add_string(out, c, buffer, LOCAL_TEXT_SIZE);
}

static void
add_utc(StringInfo out, Container *c, TimestampTz t)
{
	char buffer[UTC_TEXT_SIZE];

	write_datetime(buffer, t);
	memcpy(buffer + LOCAL_TEXT_SIZE, "+00:00", 6);
	add_string(out, c, buffer, UTC_TEXT_SIZE);
}

/* The same with microseconds. */
static void
add_now(StringInfo out, Container *c, TimestampTz t)
{
	char buffer[NOW_TEXT_SIZE];

	write_datetime(buffer, t);
	buffer[LOCAL_TEXT_SIZE] = '.';
	write_digits(buffer + LOCAL_TEXT_SIZE + 1, t % USECS_PER_SEC, 6);
	memcpy(buffer + LOCAL_TEXT_SIZE + 7, "+00:00", 6);
	add_string(out, c, buffer, NOW_TEXT_SIZE);
}

static void
add_slot(StringInfo out, Container *slots, const SlotView *view, Numeric price)
{
	int start = out->len;
	Container c;

	pad_to_int(out);
	c = open_object(out, SLOT_NKEYS, slot_key_sizes, slot_keys);
	add_string(out, &c, view->status, strlen(view->status));
	if (price != NULL)
		add_numeric(out, &c, price);
	else
		add_entry(out, &c, JENTRY_ISNULL, 0);
	add_string(out, &c, view->display, view->display_size);
	add_utc(out, &c, view->end_utc);
	add_local(out, &c, view->end_local);
	add_utc(out, &c, view->start_utc);
	add_local(out, &c, view->start_local);
	add_entry(out, slots, JENTRY_ISCONTAINER, out->len - start);
}

static void
add_slots(StringInfo out, Container *answer, AnswerReader *reader)
{
	Numeric price = reader->header.has_price ? int64_to_numeric(reader->header.price_cents) : NULL;
	int start = out->len;
	Container c;
	SlotView view;

	pad_to_int(out);
	c = open_container(out, reader->header.nslots | JB_FARRAY, reader->header.nslots);
	while (answer_next(reader, &view))
		add_slot(out, &c, &view, price);
	add_entry(out, answer, JENTRY_ISCONTAINER, out->len - start);
}

/* A buffer that begins with the room for a varlena header. */
static void
init_jsonb(StringInfo out, int expected_size)
{
	out->data = palloc(expected_size);
	out->maxlen = expected_size;
	out->cursor = 0;
	out->len = VARHDRSZ;
}

static Jsonb *
finish_jsonb(StringInfo out)
{
	SET_VARSIZE(out->data, out->len);
	return (Jsonb *) out->data;
}

Jsonb *
answer_to_jsonb(const char *packed, bool from_cache)
{
	AnswerReader reader;
	StringInfoData out;
	Container c;

	answer_open(&reader, packed);
	init_jsonb(&out, 256 + reader.header.nslots * 320);
	c = open_object(&out, ANSWER_NKEYS, answer_key_sizes, answer_keys);
	add_slots(&out, &c, &reader);
	add_bool(&out, &c, from_cache);
	add_bool(&out, &c, true);
	add_bool(&out, &c, from_cache);
	add_now(&out, &c, reader.header.computed_at);
	return finish_jsonb(&out);
}

Jsonb *
error_to_jsonb(const char *message, const char *code)
{
	StringInfoData out;
	Container c;

	init_jsonb(&out, 256);
	c = open_object(&out, ERROR_NKEYS, error_key_sizes, error_keys);
	add_string(&out, &c, code, strlen(code));
	add_string(&out, &c, message, strlen(message));
	add_bool(&out, &c, false);
	return finish_jsonb(&out);
}
