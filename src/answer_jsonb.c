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
#include "answer_text.h"
#include "datatype/timestamp.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
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
add_now(StringInfo out, Container *c, TimestampTz t)
{
	char buffer[NOW_TEXT_SIZE];

	write_now(buffer, t);
	add_string(out, c, buffer, NOW_TEXT_SIZE);
}

/*
 * Slots of one status differ only in their times and display, which have the
 * same places and sizes in each: the first is written key by key, later ones
 * are copies of it with the times written over.
 */
typedef struct SlotTemplate
{
	int at; /* in the buffer; 0: none yet */
	int size;
	int display_size;
	int display_at; /* these from the slot's start; the times follow the display */
} SlotTemplate;

typedef struct SlotWriter
{
	StringInfo out;
	Numeric price;
	SlotTemplate templates[SLOT_NSTATUSES];
	/* Starts and ends in the two zones may lie on different days all along. */
	DateText start_utc;
	DateText end_utc;
	DateText start_local;
	DateText end_local;
} SlotWriter;

static void
write_first_slot(SlotWriter *w, const SlotView *view, SlotTemplate *template)
{
	static const char no_time[UTC_TEXT_SIZE] = {0};
	StringInfo out = w->out;
	const char *status = slot_status_names[view->status];
	Container c;

	template->at = out->len;
	c = open_object(out, SLOT_NKEYS, slot_key_sizes, slot_keys);
	add_string(out, &c, status, strlen(status));
	if (w->price != NULL)
		add_numeric(out, &c, w->price);
	else
		add_entry(out, &c, JENTRY_ISNULL, 0);
	template->display_at = out->len - template->at;
	template->display_size = view->display_size;
	add_string(out, &c, view->display, view->display_size);
	add_string(out, &c, no_time, UTC_TEXT_SIZE);
	add_string(out, &c, no_time, LOCAL_TEXT_SIZE);
	add_string(out, &c, no_time, UTC_TEXT_SIZE);
	add_string(out, &c, no_time, LOCAL_TEXT_SIZE);
	template->size = out->len - template->at;
}

static void
copy_slot(SlotWriter *w, const SlotTemplate *template)
{
	enlargeStringInfo(w->out, template->size);
	memcpy(w->out->data + w->out->len, w->out->data + template->at, template->size);
	w->out->len += template->size;
}

static void
write_slot(SlotWriter *w, const SlotView *view)
{
	SlotTemplate *template = &w->templates[view->status];
	int at = w->out->len;
	char *p;

	if (template->at == 0 || template->display_size != view->display_size)
		write_first_slot(w, view, template);
	else
		copy_slot(w, template);
	p = w->out->data + at + template->display_at;
	memcpy(p, view->display, view->display_size);
	p += view->display_size;
	write_utc(p, view->end_utc, &w->end_utc);
	p += UTC_TEXT_SIZE;
	write_local(p, view->end_local, &w->end_local);
	p += LOCAL_TEXT_SIZE;
	write_utc(p, view->start_utc, &w->start_utc);
	p += UTC_TEXT_SIZE;
	write_local(p, view->start_local, &w->start_local);
}

static void
add_slots(StringInfo out, Container *answer, AnswerReader *reader)
{
	SlotWriter w = {.out = out, .start_utc = NO_DATE, .end_utc = NO_DATE, .start_local = NO_DATE, .end_local = NO_DATE};
	int array_at = out->len;
	Container c;
	SlotView view;

	if (reader->header.has_price)
		w.price = int64_to_numeric(reader->header.price_cents);
	pad_to_int(out);
	c = open_container(out, reader->header.nslots | JB_FARRAY, reader->header.nslots);
	while (answer_next(reader, &view))
	{
		int slot_at = out->len;

		pad_to_int(out);
		write_slot(&w, &view);
		add_entry(out, &c, JENTRY_ISCONTAINER, out->len - slot_at);
	}
	add_entry(out, answer, JENTRY_ISCONTAINER, out->len - array_at);
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
