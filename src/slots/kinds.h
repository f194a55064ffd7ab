/*
 * kinds.h
 *		Which resources there are of each kind, and which services need one.
 */
#ifndef AC_SLOTS_KINDS_H
#define AC_SLOTS_KINDS_H

#include "utils/uuid.h"

typedef struct Resource
{
	pg_uuid_t id;
	const char *kind;
} Resource;

typedef struct ResourceNeed
{
	pg_uuid_t service;
	const char *kind;
} ResourceNeed;

/* In order of ids.  A resource of several kinds comes several times. */
typedef struct ResourceKinds
{
	Resource *resources;
	int nresources;
	ResourceNeed *needs;
	int nneeds;
} ResourceKinds;

/* Whether services may need resources, under the mapping that is loaded. */
extern bool kinds_matter(void);

/*
 * All of them, under the active snapshot; as long as the computation lasts.
 * clock is as a CacheRequest's compute gets it.  Changes with tag_of_resources.
 */
extern const ResourceKinds *kinds_read(uint64 clock);

/* NULL: the service needs none. */
extern const ResourceNeed *kinds_need_of(const ResourceKinds *kinds, const pg_uuid_t *service);

/* The ids of a kind's resources, in order, in the current context. */
extern pg_uuid_t *kinds_resources(const ResourceKinds *kinds, const char *kind, int *n);
/* The same of the services that need one. */
extern pg_uuid_t *kinds_services(const ResourceKinds *kinds, const char *kind, int *n);

#endif /* AC_SLOTS_KINDS_H */
