/*
 * class_seats.h
 *		Classes: slots at times of their own and with seats of their own; plain C, like the kernel.
 */
#ifndef AC_SLOTS_CLASS_SEATS_H
#define AC_SLOTS_CLASS_SEATS_H

#include "slots/interval.h"

/* Of the slots' service. */
typedef struct SlotClass
{
	SlotInterval at;
	int64_t seats; /* not negative */
	bool is_slot;  /* of the day; else one of the grid that starts then is none, and that is all */
} SlotClass;

/* What may be in the way of a class, or take its seats. */
typedef enum TakerKind
{
	TAKER_BOOKING,
	TAKER_HOLD,
	TAKER_CLASS /* also the class itself */
} TakerKind;

typedef struct ClassTaker
{
	SlotInterval at;
	SlotBuffers buffers;
	int64_t seats;
	int64_t expires; /* SLOT_NEVER, but of holds */
	TakerKind kind;
	bool of_service;
} ClassTaker;

typedef struct SlotClasses
{
	/* Given: classes that start within it are slots. */
	SlotInterval starts;
	SlotInterval
		span; /* from the first of these to the last one's end; ends before it starts if there are none */
	SlotClass *classes; /* in order of start, one of each */
	int n;
	int nslots;			/* of them */
	ClassTaker *takers; /* near the classes that are slots */
	int ntakers;
	/* Classes of any service: no slot of the grid comes near. */
	SlotInterval *busy;
	SlotBuffers *buffers; /* one for each */
	int nbusy;
} SlotClasses;

typedef struct ClassLeft
{
	bool booked;		 /* somebody is in the way who takes no seat of the class */
	bool held;			 /* the same of holds */
	int64_t by_bookings; /* seats that are left, without looking at holds; zero or less: none */
	int64_t left;
} ClassLeft;

/* What is left of a class that is a slot; buffers: of the service. */
extern ClassLeft class_left(const SlotClasses *classes, const SlotClass *class, SlotBuffers buffers);

/* The class that is a slot and starts then; NULL: there is none. */
extern SlotClass *class_slot_at(const SlotClasses *classes, int64_t start);

#endif /* AC_SLOTS_CLASS_SEATS_H */
