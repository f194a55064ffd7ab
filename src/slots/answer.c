/*
 * answer.c
 *		A day's slots in compact form, and read from it.
 *
 * The form is what the memory store keeps: a header; where the slots do not
 * follow each other by the rules' step, the runs in which they do; where the
 * customer's zone changes its offset that day, the changes; half a byte a
 * slot; and display texts only where the rules ask for another format than
 * HH24:MI.  Rows, jsonb and json are written from it.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/formatting.h"

#include "base/compat.h"
#include "slots/answer.h"

#define DEFAULT_DISPLAY_FORMAT "HH24:MI"

const char *const slot_status_names[SLOT_NSTATUSES] = {"available", "booked", "reserved", "in_break", "unavailable"};

/* ---- packing ---- */

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
append_statuses(StringInfo out, const Slot *slots, int nslots)
{
	StaticAssertStmt(SLOT_NSTATUSES <= 16, "a status must fit four bits");
	for (int i = 0; i < nslots; i += 2)
	{
		uint8 next = i + 1 < nslots ? slots[i + 1].status : 0;

		appendStringInfoCharMacro(out, (char) (slots[i].status | next << 4));
	}
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
answer_pack(AnswerHeader *header, const Slot *slots, int nslots, pg_tz *customer_zone, const char *display_format,
			uint32 *size)
{
	StringInfoData out;

	header->nslots = nslots;
	header->nruns = 0;
	header->nchanges = 0;
	header->offset = 0;
	header->first = nslots > 0 ? start_of(&slots[0]) : 0;
	header->has_display = false;
	initStringInfo(&out);
	appendBinaryStringInfo(&out, (char *) header, sizeof(AnswerHeader));
	append_runs(&out, header, slots);
	if (nslots > 0)
		append_changes(&out, header, customer_zone, start_of(&slots[nslots - 1]) + header->duration);
	append_statuses(&out, slots, nslots);
	memcpy(out.data, header, sizeof(AnswerHeader));
	if (strcmp(display_format, DEFAULT_DISPLAY_FORMAT) != 0)
	{
		append_displays(&out, display_format);
		header->has_display = true;
		memcpy(out.data, header, sizeof(AnswerHeader));
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

void
answer_open(AnswerReader *reader, const char *packed)
{
	AnswerHeader *header = &reader->header;
	OffsetCursor cursor;

	memcpy(header, packed, sizeof(AnswerHeader));
	packed += sizeof(AnswerHeader);
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
	reader->statuses = (const uint8 *) packed;
	reader->display = packed + (header->nslots + 1) / 2;
}
