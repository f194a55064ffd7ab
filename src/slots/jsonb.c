/*
 * jsonb.c
 *		Writes an answer's jsonb straight from its compact form.
 *
 * jsonb's binary form (utils/jsonb.h) is a header, an entry (JEntry) for each
 * key and value, then their bytes; objects' keys are in order of length, then
 * bytes.  All slots have the same keys, so an object is written front to back
 * with no tree built before.  test/sql/03_jsonb.sql compares what is written here
 * with what the server's own parser makes of its text.
 */
#include "postgres.h"

#include "datatype/timestamp.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "base/compat.h"
#include "slots/answer.h"
#include "slots/jsonb.h"
#include "slots/text.h"
#include "slots/writer.h"

#define SIZE(literal) ((int) sizeof(literal) - 1)

/* The keys of a slot's object, in jsonb's order, and whether it has them. */
typedef enum SlotKeyNeeds
{
	ALWAYS,
	WITH_REASONS,
	WITH_SEATS
} SlotKeyNeeds;

static const struct
{
	const char *name;
	SlotKeyNeeds needs;
} slot_keys[] = {
	{"reason", WITH_REASONS},	{"status", ALWAYS},			{"seats_left", WITH_SEATS},
	{"price_cents", ALWAYS},	{"slot_display", ALWAYS},	{"slot_end_utc", ALWAYS},
	{"slot_end_local", ALWAYS}, {"slot_start_utc", ALWAYS}, {"slot_start_local", ALWAYS},
};

#define SLOT_MAX_KEYS lengthof(slot_keys)

/*
 * The beginning of every slot's object: its header, the entries of keys and
 * values, the keys.  Of the values only the times' entries are filled in.
 */
typedef struct SlotShape
{
	int size; /* 0: not made yet */
	int values_at;
	char bytes[256];
} SlotShape;

#define ANSWER_NKEYS 5
static const uint8 answer_key_sizes[ANSWER_NKEYS] = {5, 6, 7, 9, 11};
static const char answer_keys[] = "slots"
								  "cached"
								  "success"
								  "cache_hit"
								  "computed_at";
/* The same with why there is none. */
static const uint8 explained_key_sizes[] = {5, 6, 6, 7, 9, 11};
static const char explained_keys[] = "slots"
									 "cached"
									 "reason"
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
static inline int
pad_to_int(StringInfo out)
{
	int padding = INTALIGN(out->len) - out->len;

	if (unlikely(out->maxlen - out->len <= sizeof(int)))
		enlargeStringInfo(out, sizeof(int));
	memset(out->data + out->len, 0, sizeof(int));
	out->len += padding;
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
static inline void
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
add_reason(StringInfo out, Container *c, SlotReason reason)
{
	const char *name = slot_reason_names[reason];

	if (name != NULL)
		add_string(out, c, name, strlen(name));
	else
		add_entry(out, c, JENTRY_ISNULL, 0);
}

static void
add_now(StringInfo out, Container *c, TimestampTz t)
{
	char buffer[NOW_TEXT_SIZE];

	write_now(buffer, t);
	add_string(out, c, buffer, NOW_TEXT_SIZE);
}

/* What follows the display in a slot, in the order of the keys. */
static const char slot_times[] = "....-..-..T..:..:..+00:00"
								 "....-..-..T..:..:.."
								 "....-..-..T..:..:..+00:00"
								 "....-..-..T..:..:..";

static const uint32 time_entries[SLOT_NTIMES] = {JENTRY_ISSTRING | UTC_TEXT_SIZE,
												 JENTRY_ISSTRING | LOCAL_TEXT_SIZE,
												 JENTRY_ISSTRING | UTC_TEXT_SIZE,
												 JENTRY_ISSTRING | LOCAL_TEXT_SIZE};

static void
make_shape(SlotShape *shape, bool with_reasons, bool with_seats)
{
	uint32 head[1 + 2 * SLOT_MAX_KEYS] = {0};
	char keys[128];
	int keys_size = 0;
	int n = 0;

	/* The first of the entries holds an offset, which is its length; they are fewer than JB_OFFSET_STRIDE. */
	StaticAssertStmt(2 * SLOT_MAX_KEYS <= JB_OFFSET_STRIDE, "keys and values");
	for (int i = 0; i < lengthof(slot_keys); i++)
	{
		int size = strlen(slot_keys[i].name);

		if ((slot_keys[i].needs == WITH_SEATS && !with_seats) ||
			(slot_keys[i].needs == WITH_REASONS && !with_reasons))
			continue;
		head[++n] = JENTRY_ISSTRING | size;
		Assert(keys_size + size <= sizeof(keys));
		memcpy(keys + keys_size, slot_keys[i].name, size);
		keys_size += size;
	}
	head[0] = n | JB_FOBJECT;
	head[1] |= JENTRY_HAS_OFF;
	memcpy(&head[1 + 2 * n - SLOT_NTIMES], time_entries, sizeof(time_entries));
	shape->values_at = (1 + n) * sizeof(uint32);
	Assert((1 + 2 * n) * sizeof(uint32) + keys_size <= sizeof(shape->bytes));
	memcpy(shape->bytes, head, (1 + 2 * n) * sizeof(uint32));
	memcpy(shape->bytes + (1 + 2 * n) * sizeof(uint32), keys, keys_size);
	shape->size = (1 + 2 * n) * sizeof(uint32) + keys_size;
}

/* A session makes each once. */
static inline const SlotShape *
shape_of(bool with_reasons, bool with_seats)
{
	static SlotShape shapes[2][2];
	SlotShape *shape = &shapes[with_reasons][with_seats];

	if (unlikely(shape->size == 0))
		make_shape(shape, with_reasons, with_seats);
	return shape;
}

/* A slot's object being laid out: it begins at slot, and its data goes on at p. */
typedef struct SlotObject
{
	char *slot;
	char *p;
	char *entry; /* of the next value */
} SlotObject;

static inline void
put_entry(SlotObject *o, JEntry entry)
{
	memcpy(o->entry, &entry, sizeof(entry));
	o->entry += sizeof(entry);
}

#define MAX_NAME_SIZE 16

/* A reason or a status. */
static inline void
put_name(SlotObject *o, const char *name)
{
	int size = strlen(name);

	Assert(size <= MAX_NAME_SIZE);
	memcpy(o->p, name, size);
	o->p += size;
	put_entry(o, JENTRY_ISSTRING | size);
}

/* Numerics are aligned, and so is the slot. */
static inline void
put_number(SlotObject *o, const char *number, int size)
{
	int padding = INTALIGN(o->p - o->slot) - (o->p - o->slot);

	memset(o->p, 0, sizeof(int));
	memcpy(o->p + padding, number, size);
	o->p += padding + size;
	put_entry(o, JENTRY_ISNUMERIC | (padding + size));
}

static void
put_seats(SlotObject *o, int seats)
{
	Numeric number = int64_to_numeric(seats);

	put_number(o, (char *) number, VARSIZE(number));
	pfree(number);
}

#define MAX_SEATS_SIZE 16

/* A LayOutSlot. */
static void
lay_out_slot(SlotWriter *w, SlotReason reason, int seats, int display_size, SlotTemplate *template)
{
	const SlotShape *shape = shape_of(w->with_reasons, seats >= 0);
	SlotObject o;

	enlargeStringInfo(w->out, shape->size + 2 * MAX_NAME_SIZE + 2 * sizeof(int) + MAX_SEATS_SIZE +
								  w->price_size + display_size + SIZE(slot_times));
	o.slot = w->out->data + w->out->len;
	memcpy(o.slot, shape->bytes, shape->size);
	o.p = o.slot + shape->size;
	o.entry = o.slot + shape->values_at;
	if (w->with_reasons && slot_reason_names[reason] != NULL)
		put_name(&o, slot_reason_names[reason]);
	else if (w->with_reasons)
		put_entry(&o, JENTRY_ISNULL);
	put_name(&o, slot_status_names[slot_statuses[reason]]);
	if (seats >= 0)
		put_seats(&o, seats);
	if (w->price != NULL)
		put_number(&o, w->price, w->price_size);
	else
		put_entry(&o, JENTRY_ISNULL);
	put_entry(&o, JENTRY_ISSTRING | display_size);
	template->display_at = o.p - o.slot;
	template->time_at[SLOT_END_UTC] = template->display_at + display_size;
	template->time_at[SLOT_END_LOCAL] = template->time_at[SLOT_END_UTC] + UTC_TEXT_SIZE;
	template->time_at[SLOT_START_UTC] = template->time_at[SLOT_END_LOCAL] + LOCAL_TEXT_SIZE;
	template->time_at[SLOT_START_LOCAL] = template->time_at[SLOT_START_UTC] + UTC_TEXT_SIZE;
	o.p += display_size;
	memcpy(o.p, slot_times, SIZE(slot_times));
	w->out->len = o.p + SIZE(slot_times) - w->out->data;
}

static void
add_slots(StringInfo out, Container *answer, AnswerReader *reader)
{
	Numeric price = reader->header.has_price ? int64_to_numeric(reader->header.price_cents) : NULL;
	int array_at = out->len;
	SlotWriter w;
	SlotView view;
	Container c;

	slot_writer_init(&w, out, lay_out_slot, reader->header.has_reasons, (char *) price,
					 price != NULL ? VARSIZE(price) : 0);
	pad_to_int(out);
	c = open_container(out, reader->header.nslots | JB_FARRAY, reader->header.nslots);
	while (answer_next(reader, &view))
	{
		int slot_at = out->len;

		pad_to_int(out);
		slot_writer_put(&w, &view);
		add_entry(out, &c, JENTRY_ISCONTAINER, out->len - slot_at);
	}
	add_entry(out, answer, JENTRY_ISCONTAINER, out->len - array_at);
}

Jsonb *
answer_to_jsonb(const char *packed, bool from_cache)
{
	AnswerReader reader;
	StringInfoData out;
	Container c;

	answer_open(&reader, packed);
	init_varlena(&out, 256 + reader.header.nslots * 320);
	if (reader.header.has_reasons)
		c = open_object(&out, lengthof(explained_key_sizes), explained_key_sizes, explained_keys);
	else
		c = open_object(&out, ANSWER_NKEYS, answer_key_sizes, answer_keys);
	add_slots(&out, &c, &reader);
	add_bool(&out, &c, from_cache);
	if (reader.header.has_reasons)
		add_reason(&out, &c, reader.header.why);
	add_bool(&out, &c, true);
	add_bool(&out, &c, from_cache);
	add_now(&out, &c, reader.header.computed_at);
	return (Jsonb *) finish_varlena(&out);
}

Jsonb *
error_to_jsonb(const char *message, const char *code)
{
	StringInfoData out;
	Container c;

	init_varlena(&out, 256);
	c = open_object(&out, ERROR_NKEYS, error_key_sizes, error_keys);
	add_string(&out, &c, code, strlen(code));
	add_string(&out, &c, message, strlen(message));
	add_bool(&out, &c, false);
	return (Jsonb *) finish_varlena(&out);
}
