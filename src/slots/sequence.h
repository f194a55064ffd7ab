/*
 * sequence.h
 *		Several services one after the other, with the same stylist or different ones.
 */
#ifndef AC_SLOTS_SEQUENCE_H
#define AC_SLOTS_SEQUENCE_H

#include "utils/uuid.h"

#include "slots/kernel.h"
#include "slots/range.h"
#include "slots/range_write.h"

#define SEQUENCE_MAX_SERVICES 8

/* A slot that can be booked, with one stylist. */
typedef struct SequenceStep
{
	const RangeSlot *slot;
	pg_uuid_t stylist;
	int order;			 /* of the stylist, among those asked for the service */
	SlotBuffers buffers; /* of the service with this stylist, in seconds */
	int next;			 /* the step of the next service that follows it; -1: none does */
} SequenceStep;

/* A service's steps, in order of start, then of the stylists. */
typedef struct SequenceService
{
	pg_uuid_t service;
	SequenceStep *steps;
	int n;
} SequenceService;

extern void sequence_add_steps(SequenceService *service, const RangeSet *set, const pg_uuid_t *stylists,
							   const SlotBuffers *buffers);

/*
 * Finds for each step the first that follows it: it begins when this one has
 * ended, and where the stylist is the same the longer of what one needs after and
 * the other before it has passed; no more than so many seconds later.
 */
extern void sequence_link(SequenceService *services, int n, bool same_stylist, int64 max_gap);

/*
 * {success, sequences, cached, cache_hit, computed_at}: for each start within the
 * dates, the sequence that ends first.
 */
extern Datum sequence_write(const SequenceService *services, int n, const RangeOutcome *outcome, bool binary);

#endif /* AC_SLOTS_SEQUENCE_H */
