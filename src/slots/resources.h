/*
 * resources.h
 *		Whether one of the resources that a service needs is left; plain C, like the kernel.
 */
#ifndef AC_SLOTS_RESOURCES_H
#define AC_SLOTS_RESOURCES_H

#include "slots/interval.h"

/* A booking or a hold that takes a resource of the kind. */
typedef struct ResourceUse
{
	SlotInterval at;
	int64_t expires; /* SLOT_NEVER, but of holds */
	int32_t taker;	 /* those of one number take one resource together */
} ResourceUse;

typedef struct Resources
{
	bool needed; /* else the rest is not looked at */
	int32_t n;	 /* of the kind */
	ResourceUse *uses;
	int nuses;
} Resources;

/* Before slots are asked about. */
extern void resources_prepare(Resources *resources);

extern bool resources_left(const Resources *resources, int64_t start, int64_t end);

#endif /* AC_SLOTS_RESOURCES_H */
