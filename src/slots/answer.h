/*
 * answer.h
 *		A day's slots in compact form, and read from it.
 */
#ifndef AC_SLOTS_ANSWER_H
#define AC_SLOTS_ANSWER_H

#include "utils/timestamp.h"

#include "slots/kernel.h"
#include "slots/zone.h"

/*
 * What every slot of an answer shares; packed it takes 30 bytes.  Moments count in
 * seconds since 2000-01-01, UTC.
 */
typedef struct AnswerHeader
{
	TimestampTz computed_at;
	int64 first; /* start of the first slot */
	int32 duration;
	int32 step; /* from slot to slot within a run */
	int32 price_cents;
	int32 offset; /* of the customer's zone at first */
	uint16 nslots;
	uint16 nruns;	/* besides the first, which starts with the first slot */
	uint8 nchanges; /* of the offset, after first */
	bool has_price;
	bool has_display; /* else the display is HH24:MI */
	bool has_seats;	  /* the service has a capacity, or a class this day */
	bool has_ends;	  /* each slot has its own, as classes have */
	bool has_reasons; /* they are to be shown */
	SlotReason why;	  /* no slot is available; WHY_NONE: one is */
	uint8 days;		  /* that it depends on, in UTC: so many before the date << 4 | so many after it */
} AnswerHeader;

/* Slots that follow each other by a step. */
typedef struct AnswerRun
{
	uint32 after_first; /* where its first slot starts, in seconds */
	uint32 slot;		/* that slot's number */
} AnswerRun;

/* The customer's zone has another offset from here on. */
typedef struct AnswerChange
{
	uint32 after_first;
	int32 offset;
} AnswerChange;

#define ANSWER_MAX_CHANGES 15
#define ANSWER_MAX_SLOTS 10000

/* The offset at a moment; the moments asked for come in order. */
typedef struct OffsetCursor
{
	const char *next_change; /* the change that ends it */
	int left;				 /* changes from there */
	int32 offset;
	int64 until;
} OffsetCursor;

/*
 * Reads an answer, slot by slot, from one piece of memory: header, runs, changes, a reason
 * of four bits for each slot, seats of two bytes for each, lengths of four bytes for each,
 * display texts.
 */
typedef struct AnswerReader
{
	AnswerHeader header;
	const uint8 *reasons;
	const char *seats;	 /* NULL: there are none */
	const char *lengths; /* NULL: all have the header's */
	const char *display; /* of the next slot, zero-terminated */
	uint32 next;		 /* slot */
	int64 next_start;	 /* unless a run starts with it */
	const char *next_run;
	uint32 runs_left;
	uint32 next_run_slot; /* that starts it; PG_UINT32_MAX: none */
	OffsetCursor at_start;
	OffsetCursor at_end;
} AnswerReader;

/* What one slot reads written out; times in seconds since 2000-01-01. */
typedef struct SlotView
{
	int64 start_utc;
	int64 end_utc;
	int64 start_local;
	int64 end_local;
	const char *display; /* NULL: HH24:MI of start_local */
	int display_size;
	SlotReason reason;
	int seats; /* that are left; -1: the answer has none */
} SlotView;

/*
 * Packs slots (in order of start) into one piece of memory in the current
 * context.  The header comes with computed_at, duration, step and price.
 */
extern char *answer_pack(AnswerHeader *header, const Slot *slots, int nslots, pg_tz *customer_zone,
						 const char *display_format, uint32 *size);

/* Whether two packed answers say the same, whenever they were computed. */
extern bool answer_same(const char *a, uint32 a_size, const char *b, uint32 b_size);

extern AnswerHeader answer_header(const char *packed);
/* The reader trusts what it reads: what comes from where others may write must be whole. */
extern void answer_open(AnswerReader *reader, const char *packed);

/*
 * Whether every byte is what answer_pack could have made, so that reading stays within
 * them and shows times of four-digit years.
 */
extern bool answer_is_whole(const char *packed, uint32 size);

/* What answers call a status. */
extern const char *const slot_status_names[SLOT_NSTATUSES];
/* Of WHY_NONE, NULL. */
extern const char *const slot_reason_names[SLOT_NREASONS];

/* ---- answer_next, inline because a hit calls it for every slot ---- */

/* The rare cases: another offset, another run. */
extern void answer_pass_change(OffsetCursor *c, const AnswerHeader *header);
extern void answer_begin_run(AnswerReader *reader);

static inline int
answer_seats(const AnswerReader *reader, uint32 slot)
{
	uint16 seats;

	memcpy(&seats, reader->seats + slot * sizeof(seats), sizeof(seats));
	return seats;
}

static inline int32
answer_length(const AnswerReader *reader, uint32 slot)
{
	int32 length;

	memcpy(&length, reader->lengths + slot * sizeof(length), sizeof(length));
	return length;
}

/* Of the end of the slot that is next, if it is its own: such ends do not come in order. */
extern int64 answer_local_end(const AnswerReader *reader, int64 end);

static inline int32
answer_offset_at(OffsetCursor *c, const AnswerHeader *header, int64 moment)
{
	while (unlikely(moment >= c->until))
		answer_pass_change(c, header);
	return c->offset;
}

/* False after the last slot. */
static inline bool
answer_next(AnswerReader *reader, SlotView *view)
{
	const AnswerHeader *header = &reader->header;
	uint32 slot = reader->next;

	if (slot == header->nslots)
		return false;
	reader->next++;
	if (unlikely(slot == reader->next_run_slot))
		answer_begin_run(reader);
	view->start_utc = reader->next_start;
	view->start_local = view->start_utc + answer_offset_at(&reader->at_start, header, view->start_utc);
	if (unlikely(reader->lengths != NULL))
	{
		view->end_utc = view->start_utc + answer_length(reader, slot);
		view->end_local = answer_local_end(reader, view->end_utc);
	}
	else
	{
		view->end_utc = view->start_utc + header->duration;
		view->end_local = view->end_utc + answer_offset_at(&reader->at_end, header, view->end_utc);
	}
	view->reason = reader->reasons[slot / 2] >> (slot % 2 * 4) & 15;
	view->seats = -1;
	if (unlikely(reader->seats != NULL))
		view->seats = answer_seats(reader, slot);
	view->display = NULL;
	if (header->has_display)
	{
		view->display = reader->display;
		view->display_size = strlen(reader->display);
		reader->display += view->display_size + 1;
	}
	reader->next_start += header->step;
	return true;
}

#endif /* AC_SLOTS_ANSWER_H */
