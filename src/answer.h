/*
 * answer.h
 *		A day's slots in compact form, and written out as rows or jsonb.
 */
#ifndef AC_ANSWER_H
#define AC_ANSWER_H

#include "postgres.h"

#include "slot_kernel.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "zone.h"

/* What every slot of an answer shares. */
typedef struct AnswerHeader
{
	TimestampTz computed_at;
	TimestampTz first; /* start of the first slot; whole seconds */
	int32 duration;	   /* seconds */
	int32 price_cents;
	bool has_price;
	uint8 noffsets;
	uint16 nslots;
	bool has_display; /* else the display is HH24:MI */
} AnswerHeader;

/* One slot.  offsets: of the customer's zone at its start and end, by number. */
typedef struct AnswerSlot
{
	uint32 after_first; /* seconds */
	uint8 status;
	uint8 start_offset : 4;
	uint8 end_offset : 4;
} AnswerSlot;

#define ANSWER_MAX_OFFSETS 16
#define ANSWER_MAX_SLOTS 10000

/* Reads an answer, slot by slot, from one piece of memory: header, offsets, slots, display texts. */
typedef struct AnswerReader
{
	AnswerHeader header;
	int32 offsets[ANSWER_MAX_OFFSETS];
	const char *slots;
	const char *display; /* of the next slot, zero-terminated */
	int next;
	char hh24_mi[5];
} AnswerReader;

/* What one slot reads written out. */
typedef struct SlotView
{
	TimestampTz start_utc;
	TimestampTz end_utc;
	Timestamp start_local;
	Timestamp end_local;
	const char *display; /* not terminated */
	int display_size;
	SlotStatus status;
} SlotView;

/*
 * Packs slots (in order of start) into one piece of memory in the current
 * context.  The header comes without noffsets, nslots, has_display and first.
 */
extern char *answer_pack(AnswerHeader *header, const Slot *slots, int nslots, pg_tz *customer_zone,
						 const char *display_format, uint32 *size);

extern void answer_open(AnswerReader *reader, const char *packed);
/* The next slot; the view's display lasts until the next call. */
extern bool answer_next(AnswerReader *reader, SlotView *view);

/* What answers call a status. */
extern const char *const slot_status_names[SLOT_NSTATUSES];

/* The answer as get_available_slots_v2 gives it, in the current context. */
extern Jsonb *answer_to_jsonb(const char *packed, bool from_cache);
/* What it gives for an error. */
extern Jsonb *error_to_jsonb(const char *message, const char *code);

#endif /* AC_ANSWER_H */
