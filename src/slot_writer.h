/*
 * slot_writer.h
 *		Writes an answer's slots, one after the other, in some form of text or bytes.
 */
#ifndef AC_SLOT_WRITER_H
#define AC_SLOT_WRITER_H

#include "answer.h"
#include "answer_text.h"
#include "lib/stringinfo.h"

typedef enum SlotTime
{
	SLOT_START_UTC,
	SLOT_END_UTC,
	SLOT_START_LOCAL,
	SLOT_END_LOCAL
} SlotTime;

#define SLOT_NTIMES (SLOT_END_LOCAL + 1)

/* How the slots of one status are written; places count from the slot's first byte. */
typedef struct SlotTemplate
{
	int size; /* 0: none yet */
	int display_size;
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
 * Appends a slot of this status with room for a display of this size, with
 * any digits in the times, and notes the places of both in the template.
 */
typedef void (*LayOutSlot)(SlotWriter *w, SlotStatus status, int display_size, SlotTemplate *template);

struct SlotWriter
{
	StringInfo out;
	LayOutSlot lay_out;
	const char *price; /* in the form's bytes */
	int price_size;
	SlotDay days[SLOT_NTIMES];
	SlotTemplate templates[SLOT_NSTATUSES];
};

extern void slot_writer_init(SlotWriter *w, StringInfo out, LayOutSlot lay_out, const char *price, int price_size);
/* The view's display is as it shall be written. */
extern void slot_writer_put(SlotWriter *w, const SlotView *view);

#endif /* AC_SLOT_WRITER_H */
