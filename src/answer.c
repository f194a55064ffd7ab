/*
 * answer.c
 *		A day's slots in compact form, and read from it.
 *
 * The form is what the memory store keeps: a header, the few offsets that the
 * customer's zone has on that day, a few bytes a slot, and display texts only
 * where the rules ask for another format than HH24:MI.  answer_jsonb.c writes
 * the jsonb from it.
 */
#include "postgres.h"

#include "answer.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/formatting.h"
#include "utils/fmgrprotos.h"

#define DEFAULT_DISPLAY_FORMAT "HH24:MI"

const char *const slot_status_names[SLOT_NSTATUSES] = {"available", "booked", "reserved", "in_break", "unavailable"};

/* The zone's offset at an instant; *offset holds good from there until *until. */
typedef struct OffsetCursor
{
	pg_tz *zone;
	int32 offset;
	TimestampTz until;
	bool started;
} OffsetCursor;

/* Instants must come in order. */
static int32
offset_at(OffsetCursor *c, TimestampTz instant)
{
	if (!c->started || instant >= c->until)
		c->offset = zone_offset(c->zone, instant, &c->until);
	c->started = true;
	return c->offset;
}

/* The number of an offset, which is added if it is new. */
static uint8
number_offset(int32 *offsets, uint8 *n, int32 offset)
{
	for (uint8 i = 0; i < *n; i++)
	{
		if (offsets[i] == offset)
			return i;
	}
	if (*n == ANSWER_MAX_OFFSETS)
		ereport(ERROR, errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("the customer's time zone changes more than %d times within one answer",
					   ANSWER_MAX_OFFSETS - 1));
	offsets[*n] = offset;
	return (*n)++;
}

static void
append_display(StringInfo buffer, Timestamp local, text *format)
{
	text *shown = DatumGetTextPP(
		DirectFunctionCall2(timestamp_to_char, TimestampGetDatum(local), PointerGetDatum(format)));

	appendBinaryStringInfo(buffer, VARDATA_ANY(shown), VARSIZE_ANY_EXHDR(shown));
	appendStringInfoChar(buffer, '\0');
	pfree(shown);
}

char *
answer_pack(AnswerHeader *header, const Slot *slots, int nslots, pg_tz *customer_zone, const char *display_format,
			uint32 *size)
{
	OffsetCursor at_start = {.zone = customer_zone};
	OffsetCursor at_end = {.zone = customer_zone};
	int32 offsets[ANSWER_MAX_OFFSETS];
	AnswerSlot *packed = palloc0(Max(nslots, 1) * sizeof(AnswerSlot));
	text *format = cstring_to_text(display_format);
	StringInfoData display;
	StringInfoData out;

	header->noffsets = 0;
	header->nslots = nslots;
	header->first = nslots > 0 ? slots[0].start : 0;
	header->has_display = strcmp(display_format, DEFAULT_DISPLAY_FORMAT) != 0;
	initStringInfo(&display);
	for (int i = 0; i < nslots; i++)
	{
		int32 offset = offset_at(&at_start, slots[i].start);
		TimestampTz end = slots[i].start + header->duration * USECS_PER_SEC;

		packed[i].after_first = (slots[i].start - header->first) / USECS_PER_SEC;
		packed[i].status = slots[i].status;
		packed[i].start_offset = number_offset(offsets, &header->noffsets, offset);
		packed[i].end_offset = number_offset(offsets, &header->noffsets, offset_at(&at_end, end));
		if (header->has_display)
			append_display(&display, slots[i].start + offset * USECS_PER_SEC, format);
	}

	initStringInfo(&out);
	appendBinaryStringInfo(&out, (char *) header, sizeof(AnswerHeader));
	appendBinaryStringInfo(&out, (char *) offsets, header->noffsets * sizeof(int32));
	appendBinaryStringInfo(&out, (char *) packed, nslots * sizeof(AnswerSlot));
	appendBinaryStringInfo(&out, display.data, display.len);
	pfree(packed);
	pfree(display.data);
	pfree(format);
	*size = out.len;
	return out.data;
}

void
answer_open(AnswerReader *reader, const char *packed)
{
	memcpy(&reader->header, packed, sizeof(AnswerHeader));
	packed += sizeof(AnswerHeader);
	memcpy(reader->offsets, packed, reader->header.noffsets * sizeof(int32));
	packed += reader->header.noffsets * sizeof(int32);
	reader->slots = packed;
	packed += reader->header.nslots * sizeof(AnswerSlot);
	reader->display = packed;
	reader->next = 0;
}

static void
write_hh24_mi(char *out, Timestamp local)
{
	int64 seconds = local / USECS_PER_SEC;
	int minutes;

	/* Also before 2000. */
	seconds = (seconds % SECS_PER_DAY + SECS_PER_DAY) % SECS_PER_DAY;
	minutes = seconds / SECS_PER_MINUTE;
	out[0] = '0' + minutes / 600;
	out[1] = '0' + minutes / 60 % 10;
	out[2] = ':';
	out[3] = '0' + minutes % 60 / 10;
	out[4] = '0' + minutes % 10;
}

bool
answer_next(AnswerReader *reader, SlotView *view)
{
	AnswerSlot slot;

	if (reader->next == reader->header.nslots)
		return false;
	/* The memory may not be aligned. */
	memcpy(&slot, reader->slots + reader->next++ * sizeof(AnswerSlot), sizeof(slot));
	view->start_utc = reader->header.first + slot.after_first * USECS_PER_SEC;
	view->end_utc = view->start_utc + reader->header.duration * USECS_PER_SEC;
	view->start_local = view->start_utc + reader->offsets[slot.start_offset] * USECS_PER_SEC;
	view->end_local = view->end_utc + reader->offsets[slot.end_offset] * USECS_PER_SEC;
	view->status = slot.status;
	if (reader->header.has_display)
	{
		view->display = reader->display;
		view->display_size = strlen(reader->display);
		reader->display += view->display_size + 1;
	}
	else
	{
		write_hh24_mi(reader->hh24_mi, view->start_local);
		view->display = reader->hh24_mi;
		view->display_size = sizeof(reader->hh24_mi);
	}
	return true;
}
