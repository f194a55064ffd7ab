/*
 * answer.c
 *		A day's slots in compact form, and read from it.
 *
 * The form is what the memory store keeps: a header; where the slots do not
 * follow each other by the rules' step, the runs in which they do; where the
 * customer's zone changes its offset that day, the changes; half a byte a
 * slot for why it is not available; the seats that are left, where the service has a
 * capacity; how long each slot lasts, where classes are among them; and display texts only
 * where the rules ask for another format than HH24:MI.  Rows, jsonb and json are written
 * from it.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/formatting.h"

#include "base/compat.h"
#include "slots/answer.h"

#define DEFAULT_DISPLAY_FORMAT "HH24:MI"

const char *const slot_status_names[SLOT_NSTATUSES] = {"available", "booked", "reserved", "in_break",
													   "unavailable"};
const char *const slot_reason_names[SLOT_NREASONS] = {NULL,			  "too_soon",	   "too_late",
													  "on_break",	  "booked",		   "full",
													  "held",		  "no_resource",   "daily_limit",
													  "weekly_limit", "closed",		   "no_hours",
													  "too_short",	  "outside_hours", "off_grid"};

/*
 * An AnswerHeader in few bits: small answers of many services are to fit one block of
 * the store.  The last bytes are not kept.
 */
typedef struct PackedHeader
{
	int64 computed_at;
	int64 first : 40; /* until the year 9999 and some days */
	uint64 step : 17; /* a day */
	uint64 nchanges : 4;
	uint64 has_price : 1;
	uint64 has_display : 1;
	uint64 has_seats : 1;
	uint64 duration : 20; /* seven days */
	int64 offset : 18;
	uint64 nslots : 14;
	uint64 days : 8;
	uint64 why : 4;
	int32 price_cents;
	uint16 nruns : 14;
	uint16 has_reasons : 1;
	uint16 has_ends : 1;
} PackedHeader;

#define HEADER_SIZE (offsetof(PackedHeader, price_cents) + sizeof(int32) + sizeof(uint16))

/* ---- packing ---- */

static void
pack_header(char *out, const AnswerHeader *header)
{
	PackedHeader packed = {.computed_at = header->computed_at,
						   .first = header->first,
						   .step = header->step,
						   .nchanges = header->nchanges,
						   .has_price = header->has_price,
						   .has_display = header->has_display,
						   .has_seats = header->has_seats,
						   .has_reasons = header->has_reasons,
						   .has_ends = header->has_ends,
						   .why = header->why,
						   .duration = header->duration,
						   .offset = header->offset,
						   .nslots = header->nslots,
						   .days = header->days,
						   .price_cents = header->price_cents,
						   .nruns = header->nruns};

	StaticAssertStmt(HEADER_SIZE == 30, "the bit fields fill two numbers");
	StaticAssertStmt(SLOT_NREASONS <= 1 << 4, "a reason must fit four bits");
	StaticAssertStmt(ANSWER_MAX_SLOTS < 1 << 14 && ANSWER_MAX_CHANGES < 1 << 4, "they are wide enough");
	memcpy(out, &packed, HEADER_SIZE);
}

static int64
start_of(const Slot *slot)
{
	return slot->start / USECS_PER_SEC;
}

static void
append_runs(StringInfo out, AnswerHeader *header, const Slot *slots)
{
	for (int i = 1; i < header->nslots; i++)
	{
		AnswerRun run = {.after_first = start_of(&slots[i]) - header->first, .slot = i};

		if (start_of(&slots[i]) - start_of(&slots[i - 1]) == header->step)
			continue;
		appendBinaryStringInfo(out, (char *) &run, sizeof(run));
		header->nruns++;
	}
}

/* The changes of the zone's offset up to the last slot's end. */
static void
append_changes(StringInfo out, AnswerHeader *header, pg_tz *zone, int64 last_end)
{
	TimestampTz until;
	int32 offset = zone_offset(zone, header->first * USECS_PER_SEC, &until);

	header->offset = offset;
	while (until / USECS_PER_SEC <= last_end)
	{
		AnswerChange change = {.after_first = until / USECS_PER_SEC - header->first};

		change.offset = zone_offset(zone, until, &until);
		if (change.offset == offset)
			continue;
		if (header->nchanges == ANSWER_MAX_CHANGES)
			ereport(ERROR, errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					errmsg("the customer's time zone changes more than %d times within one answer",
						   ANSWER_MAX_CHANGES));
		offset = change.offset;
		appendBinaryStringInfo(out, (char *) &change, sizeof(change));
		header->nchanges++;
	}
}

static void
append_reasons(StringInfo out, const Slot *slots, int nslots)
{
	StaticAssertStmt(SLOT_NREASONS_OF_SLOTS <= 16, "a reason must fit four bits");
	for (int i = 0; i < nslots; i += 2)
	{
		uint8 next = i + 1 < nslots ? slots[i + 1].reason : 0;

		appendStringInfoCharMacro(out, (char) (slots[i].reason | next << 4));
	}
}

static void
append_seats(StringInfo out, const Slot *slots, int nslots)
{
	StaticAssertStmt(SEATS_MOST <= PG_UINT16_MAX, "they must fit two bytes");
	for (int i = 0; i < nslots; i++)
	{
		uint16 seats = slots[i].seats;

		appendBinaryStringInfo(out, (char *) &seats, sizeof(seats));
	}
}

static int32
length_of(const Slot *slot)
{
	return (slot->end - slot->start) / USECS_PER_SEC;
}

static void
append_lengths(StringInfo out, const Slot *slots, int nslots)
{
	for (int i = 0; i < nslots; i++)
	{
		int32 length = length_of(&slots[i]);

		appendBinaryStringInfo(out, (char *) &length, sizeof(length));
	}
}

static int64
last_end_of(const Slot *slots, int nslots)
{
	int64 last = slots[nslots - 1].end;

	for (int i = 0; i < nslots; i++)
		last = Max(last, slots[i].end);
	return last / USECS_PER_SEC;
}

static void
append_display(StringInfo out, Timestamp local, text *format)
{
	text *shown = DatumGetTextPP(
		DirectFunctionCall2(timestamp_to_char, TimestampGetDatum(local), PointerGetDatum(format)));

	appendBinaryStringInfo(out, VARDATA_ANY(shown), VARSIZE_ANY_EXHDR(shown));
	appendStringInfoChar(out, '\0');
	pfree(shown);
}

/* Packed so far without them: the reader has the local times. */
static void
append_displays(StringInfo out, const char *display_format)
{
	text *format = cstring_to_text(display_format);
	StringInfoData display;
	AnswerReader reader;
	SlotView view;

	initStringInfo(&display);
	answer_open(&reader, out->data);
	while (answer_next(&reader, &view))
		append_display(&display, view.start_local * USECS_PER_SEC, format);
	appendBinaryStringInfo(out, display.data, display.len);
	pfree(display.data);
	pfree(format);
}

char *
answer_pack(AnswerHeader *header, const Slot *slots, int nslots, pg_tz *customer_zone,
			const char *display_format, uint32 *size)
{
	StringInfoData out;

	header->nslots = nslots;
	header->nruns = 0;
	header->nchanges = 0;
	header->offset = 0;
	header->first = nslots > 0 ? start_of(&slots[0]) : 0;
	header->has_display = false;
	initStringInfo(&out);
	/* Filled in last. */
	appendStringInfoSpaces(&out, HEADER_SIZE);
	append_runs(&out, header, slots);
	if (nslots > 0)
		append_changes(&out, header, customer_zone, last_end_of(slots, nslots));
	append_reasons(&out, slots, nslots);
	if (header->has_seats)
		append_seats(&out, slots, nslots);
	if (header->has_ends)
		append_lengths(&out, slots, nslots);
	pack_header(out.data, header);
	if (strcmp(display_format, DEFAULT_DISPLAY_FORMAT) != 0)
	{
		append_displays(&out, display_format);
		header->has_display = true;
		pack_header(out.data, header);
	}
	*size = out.len;
	return out.data;
}

/* ---- reading; the memory may not be aligned ---- */

static int64
moment_of_change(const OffsetCursor *c, const AnswerHeader *header)
{
	AnswerChange change;

	if (c->left == 0)
		return PG_INT64_MAX;
	memcpy(&change, c->next_change, sizeof(change));
	return header->first + change.after_first;
}

void
answer_pass_change(OffsetCursor *c, const AnswerHeader *header)
{
	AnswerChange change;

	memcpy(&change, c->next_change, sizeof(change));
	c->offset = change.offset;
	c->next_change += sizeof(change);
	c->left--;
	c->until = moment_of_change(c, header);
}

/* Which slot starts the next run. */
static void
look_at_run(AnswerReader *reader)
{
	AnswerRun run;

	reader->next_run_slot = PG_UINT32_MAX;
	if (reader->runs_left == 0)
		return;
	memcpy(&run, reader->next_run, sizeof(run));
	reader->next_run_slot = run.slot;
}

void
answer_begin_run(AnswerReader *reader)
{
	AnswerRun run;

	memcpy(&run, reader->next_run, sizeof(run));
	reader->next_start = reader->header.first + run.after_first;
	reader->next_run += sizeof(run);
	reader->runs_left--;
	look_at_run(reader);
}

AnswerHeader
answer_header(const char *packed)
{
	PackedHeader header;

	memcpy(&header, packed, HEADER_SIZE);
	return (AnswerHeader){.computed_at = header.computed_at,
						  .first = header.first,
						  .duration = header.duration,
						  .step = header.step,
						  .price_cents = header.price_cents,
						  .offset = header.offset,
						  .nslots = header.nslots,
						  .nruns = header.nruns,
						  .nchanges = header.nchanges,
						  .has_price = header.has_price,
						  .has_display = header.has_display,
						  .has_seats = header.has_seats,
						  .has_reasons = header.has_reasons,
						  .has_ends = header.has_ends,
						  .why = header.why,
						  .days = header.days};
}

static Size
seats_size(const AnswerHeader *header)
{
	return header->has_seats ? header->nslots * sizeof(uint16) : 0;
}

static Size
lengths_size(const AnswerHeader *header)
{
	return header->has_ends ? header->nslots * sizeof(int32) : 0;
}

void
answer_open(AnswerReader *reader, const char *packed)
{
	AnswerHeader *header = &reader->header;
	OffsetCursor cursor;

	*header = answer_header(packed);
	packed += HEADER_SIZE;
	reader->next = 0;
	reader->next_start = header->first;
	reader->next_run = packed;
	reader->runs_left = header->nruns;
	look_at_run(reader);
	packed += header->nruns * sizeof(AnswerRun);
	cursor = (OffsetCursor){.next_change = packed, .left = header->nchanges, .offset = header->offset};
	cursor.until = moment_of_change(&cursor, header);
	reader->at_start = reader->at_end = cursor;
	packed += header->nchanges * sizeof(AnswerChange);
	reader->reasons = (const uint8 *) packed;
	packed += (header->nslots + 1) / 2;
	reader->seats = header->has_seats ? packed : NULL;
	packed += seats_size(header);
	reader->lengths = header->has_ends ? packed : NULL;
	reader->display = packed + lengths_size(header);
}

int64
answer_local_end(const AnswerReader *reader, int64 end)
{
	OffsetCursor from_start = reader->at_start;

	return end + answer_offset_at(&from_start, &reader->header, end);
}

/* ---- looking at what others may have written ---- */

/* 1899 and 9999, in seconds: what a day may reach, with its zones. */
#define EARLIEST (INT64CONST(-36530) * SECS_PER_DAY)
#define LATEST (INT64CONST(2921930) * SECS_PER_DAY)
/* No slot of a day is farther from its first. */
#define MAX_REACH (14 * SECS_PER_DAY)

static bool
is_within(int64 value, int64 least, int64 most)
{
	return value >= least && value <= most;
}

static bool
header_is_whole(const char *packed, uint32 size, AnswerHeader *header)
{
	if (size < HEADER_SIZE)
		return false;
	*header = answer_header(packed);
	return header->nslots <= ANSWER_MAX_SLOTS && header->nruns < Max(header->nslots, 1) &&
		   header->nchanges <= ANSWER_MAX_CHANGES && header->why < SLOT_NREASONS &&
		   is_within(header->computed_at, EARLIEST * USECS_PER_SEC, LATEST * USECS_PER_SEC) &&
		   is_within(header->first, EARLIEST, LATEST) && is_within(header->duration, 1, 7 * SECS_PER_DAY) &&
		   is_within(header->step, 1, SECS_PER_DAY) && is_within(header->offset, -SECS_PER_DAY, SECS_PER_DAY);
}

static bool
runs_are_whole(const char *packed, const AnswerHeader *header)
{
	AnswerRun before = {0};

	for (int i = 0; i < header->nruns; i++)
	{
		AnswerRun run;

		memcpy(&run, packed + i * sizeof(run), sizeof(run));
		if (run.slot <= before.slot || run.slot >= header->nslots || run.after_first > MAX_REACH)
			return false;
		before = run;
	}
	return true;
}

static bool
changes_are_whole(const char *packed, const AnswerHeader *header)
{
	for (int i = 0; i < header->nchanges; i++)
	{
		AnswerChange change;

		memcpy(&change, packed + i * sizeof(change), sizeof(change));
		if (change.after_first > MAX_REACH || !is_within(change.offset, -SECS_PER_DAY, SECS_PER_DAY))
			return false;
	}
	return true;
}

static bool
reasons_are_whole(const uint8 *packed, const AnswerHeader *header)
{
	for (int i = 0; i < (header->nslots + 1) / 2; i++)
	{
		if ((packed[i] & 15) >= SLOT_NREASONS_OF_SLOTS || packed[i] >> 4 >= SLOT_NREASONS_OF_SLOTS)
			return false;
	}
	return true;
}

static bool
lengths_are_whole(const char *packed, const AnswerHeader *header)
{
	for (int i = 0; header->has_ends && i < header->nslots; i++)
	{
		int32 length;

		memcpy(&length, packed + i * sizeof(length), sizeof(length));
		if (!is_within(length, 1, 7 * SECS_PER_DAY))
			return false;
	}
	return true;
}

/* One text for each slot, and nothing after the last. */
static bool
displays_are_whole(const char *texts, uint32 size, const AnswerHeader *header)
{
	const char *end = texts + size;

	for (int i = 0; header->has_display && i < header->nslots; i++)
	{
		const char *zero = memchr(texts, '\0', end - texts);

		if (zero == NULL || !pg_verifymbstr(texts, zero - texts, true))
			return false;
		texts = zero + 1;
	}
	return texts == end;
}

static bool
times_are_whole(const char *packed)
{
	AnswerReader reader;
	SlotView view;

	answer_open(&reader, packed);
	while (answer_next(&reader, &view))
	{
		if (!is_within(view.start_utc - reader.header.first, -MAX_REACH, MAX_REACH) ||
			!is_within(view.end_utc, EARLIEST, LATEST) || !is_within(view.start_local, EARLIEST, LATEST) ||
			!is_within(view.end_local, EARLIEST, LATEST))
			return false;
	}
	return true;
}

bool
answer_is_whole(const char *packed, uint32 size)
{
	AnswerHeader header;
	Size runs;
	Size changes;
	Size reasons;
	const char *rest = packed + HEADER_SIZE;

	if (!header_is_whole(packed, size, &header))
		return false;
	runs = header.nruns * sizeof(AnswerRun);
	changes = header.nchanges * sizeof(AnswerChange);
	reasons = (header.nslots + 1) / 2;
	if (size - HEADER_SIZE < runs + changes + reasons + seats_size(&header) + lengths_size(&header) ||
		!runs_are_whole(rest, &header) || !changes_are_whole(rest + runs, &header) ||
		!reasons_are_whole((const uint8 *) rest + runs + changes, &header))
		return false;
	rest += runs + changes + reasons + seats_size(&header);
	if (!lengths_are_whole(rest, &header))
		return false;
	rest += lengths_size(&header);
	return displays_are_whole(rest, size - (rest - packed), &header) && times_are_whole(packed);
}

/* Fields, since the bits between them may be anything. */
static bool
same_header(const AnswerHeader *a, const AnswerHeader *b)
{
	return a->first == b->first && a->duration == b->duration && a->step == b->step &&
		   a->price_cents == b->price_cents && a->offset == b->offset && a->nslots == b->nslots &&
		   a->nruns == b->nruns && a->nchanges == b->nchanges && a->has_price == b->has_price &&
		   a->has_display == b->has_display && a->has_ends == b->has_ends;
}

bool
answer_same(const char *a, uint32 a_size, const char *b, uint32 b_size)
{
	AnswerHeader header = answer_header(a);
	AnswerHeader other = answer_header(b);

	return a_size == b_size && same_header(&header, &other) &&
		   memcmp(a + HEADER_SIZE, b + HEADER_SIZE, a_size - HEADER_SIZE) == 0;
}
