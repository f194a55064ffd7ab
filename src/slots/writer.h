/*
 * writer.h
 *		Writes an answer's slots, one after the other, in some form of text or bytes.
 */
#ifndef AC_SLOTS_WRITER_H
#define AC_SLOTS_WRITER_H

#include "lib/stringinfo.h"

#include "slots/answer.h"
#include "slots/text.h"

typedef enum SlotTime
{
	SLOT_START_UTC,
	SLOT_END_UTC,
	SLOT_START_LOCAL,
	SLOT_END_LOCAL
} SlotTime;

#define SLOT_NTIMES (SLOT_END_LOCAL + 1)

/* How the slots with one reason are written; places count from the slot's first byte. */
typedef struct SlotTemplate
{
	int size; /* 0: none yet */
	int display_size;
	int seats;
	int display_at;
	int time_at[SLOT_NTIMES];
	char bytes[448]; /* a longer one is not kept */
} SlotTemplate;

/* The day that a time was on last, and its date as text. */
typedef struct SlotDay
{
	int64 start; /* seconds since 2000-01-01 */
	char date[DATE_TEXT_SIZE];
} SlotDay;

typedef struct SlotWriter SlotWriter;

/*
 * Appends a slot with this reason and these seats with room for a display of
 * this size, with any digits in the times, and notes the places of both in the
 * template.
 */
typedef void (*LayOutSlot)(SlotWriter *w, SlotReason reason, int seats, int display_size,
						   SlotTemplate *template);

struct SlotWriter
{
	StringInfo out;
	LayOutSlot lay_out;
	bool with_reasons;
	const char *price; /* in the form's bytes */
	int price_size;
	SlotDay days[SLOT_NTIMES];
	SlotTemplate templates[SLOT_NREASONS_OF_SLOTS];
};

extern void slot_writer_init(SlotWriter *w, StringInfo out, LayOutSlot lay_out, bool with_reasons,
							 const char *price, int price_size);

/* A buffer that begins with the room for a varlena header, and the value it becomes. */
extern void init_varlena(StringInfo out, int expected_size);
extern struct varlena *finish_varlena(StringInfo out);

/* ---- slot_writer_put, inline like answer_next ---- */

/* The rare cases: a time on another day, a slot that is no copy. */
extern void slot_writer_change_day(SlotWriter *w, SlotTime t, int64 moment, char *text);
extern char *
slot_writer_lay_out(SlotWriter *w, SlotReason reason, int seats, int display_size, SlotTemplate *template);

static inline void
slot_writer_put_time(SlotWriter *w, SlotTime t, int64 moment, char *text)
{
	if (unlikely((uint64) (moment - w->days[t].start) >= SECS_PER_DAY))
		slot_writer_change_day(w, t, moment, text);
	write_clock(text + CLOCK_TEXT_AT, moment - w->days[t].start);
}

static inline char *
slot_writer_copy(StringInfo out, const SlotTemplate *template)
{
	char *slot;

	if (unlikely(out->maxlen - out->len <= template->size))
		enlargeStringInfo(out, template->size);
	slot = out->data + out->len;
	memcpy(slot, template->bytes, template->size);
	out->len += template->size;
	return slot;
}

/* The view's display is as it shall be written. */
static inline void
slot_writer_put(SlotWriter *w, const SlotView *view)
{
	SlotTemplate *template = &w->templates[view->reason];
	int display_size = view->display != NULL ? view->display_size : HH24_MI_SIZE;
	char *slot;

	if (unlikely(template->size == 0 || template->display_size != display_size ||
				 template->seats != view->seats))
		slot = slot_writer_lay_out(w, view->reason, view->seats, display_size, template);
	else
		slot = slot_writer_copy(w->out, template);
	slot_writer_put_time(w, SLOT_START_UTC, view->start_utc, slot + template->time_at[SLOT_START_UTC]);
	slot_writer_put_time(w, SLOT_END_UTC, view->end_utc, slot + template->time_at[SLOT_END_UTC]);
	slot_writer_put_time(w, SLOT_START_LOCAL, view->start_local, slot + template->time_at[SLOT_START_LOCAL]);
	slot_writer_put_time(w, SLOT_END_LOCAL, view->end_local, slot + template->time_at[SLOT_END_LOCAL]);
	if (view->display != NULL)
		memcpy(slot + template->display_at, view->display, display_size);
	else
		memcpy(slot + template->display_at, slot + template->time_at[SLOT_START_LOCAL] + CLOCK_TEXT_AT,
			   HH24_MI_SIZE);
}

#endif /* AC_SLOTS_WRITER_H */
