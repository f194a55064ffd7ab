/*
 * writer.c
 *		Writes an answer's slots, one after the other, in some form of text or bytes.
 *
 * Slots with one reason differ only in their times and display, which have the
 * same places and sizes in each (as long as the same seats are left): the form lays the
 * first one out, later ones are copies of it (the template) with the digits of their times
 * written over. Dates are in the template; they change once or twice in an answer, and are
 * then written into every template.
 */
#include "postgres.h"

#include "base/compat.h"
#include "slots/writer.h"

/* No moment is on it. */
#define NO_DAY (PG_INT64_MIN / 2)

void
slot_writer_init(SlotWriter *w, StringInfo out, LayOutSlot lay_out, bool with_reasons, const char *price,
				 int price_size)
{
	w->out = out;
	w->lay_out = lay_out;
	w->with_reasons = with_reasons;
	w->price = price;
	w->price_size = price_size;
	for (int t = 0; t < SLOT_NTIMES; t++)
		w->days[t].start = NO_DAY; /* and any date */
	for (int s = 0; s < SLOT_NREASONS_OF_SLOTS; s++)
		w->templates[s].size = 0;
}

/* Mostly one of the other times is on this day already. */
static void
set_day(SlotWriter *w, SlotDay *day, int64 number)
{
	int64 start = number * SECS_PER_DAY;

	for (int t = 0; t < SLOT_NTIMES; t++)
	{
		if (w->days[t].start == start)
		{
			*day = w->days[t];
			return;
		}
	}
	day->start = start;
	write_date(day->date, number);
}

/* A time has come to another day, in this slot and those that will be copied. */
void
slot_writer_change_day(SlotWriter *w, SlotTime t, int64 moment, char *text)
{
	SlotDay *day = &w->days[t];

	set_day(w, day, day_of(moment));
	memcpy(text, day->date, DATE_TEXT_SIZE);
	for (int s = 0; s < SLOT_NREASONS_OF_SLOTS; s++)
	{
		SlotTemplate *template = &w->templates[s];

		if (template->size != 0)
			memcpy(template->bytes + template->time_at[t], day->date, DATE_TEXT_SIZE);
	}
}

/* Returns the slot; its digits are yet to be written. */
char *
slot_writer_lay_out(SlotWriter *w, SlotReason reason, int seats, int display_size, SlotTemplate *template)
{
	int at = w->out->len;
	char *slot;

	w->lay_out(w, reason, seats, display_size, template);
	slot = w->out->data + at;
	for (int t = 0; t < SLOT_NTIMES; t++)
		memcpy(slot + template->time_at[t], w->days[t].date, DATE_TEXT_SIZE);
	template->display_size = display_size;
	template->seats = seats;
	template->size = w->out->len - at;
	if (template->size <= sizeof(template->bytes))
		memmove(template->bytes, slot,
				template->size); /* memcpy becomes a slow instruction, as its bound is known */
	else
		template->size = 0;
	return slot;
}

void
init_varlena(StringInfo out, int expected_size)
{
	out->data = palloc(expected_size);
	out->maxlen = expected_size;
	out->cursor = 0;
	out->len = VARHDRSZ;
}

struct varlena *
finish_varlena(StringInfo out)
{
	SET_VARSIZE(out->data, out->len);
	return (struct varlena *) out->data;
}
