/*
 * tags.h
 *		What a day's slots depend on, and changes of the attached tables touch: tags, and their cells.
 */
#ifndef AC_SLOTS_TAGS_H
#define AC_SLOTS_TAGS_H

#include "utils/uuid.h"

#include "cache/cells.h"

/* In this database; a day counts from 2000-01-01, UTC. */
extern CellNo cell_of_stylist(const pg_uuid_t *stylist);
extern CellNo cell_of_stylist_day(const pg_uuid_t *stylist, int32 utc_day);
extern CellNo cell_of_service(const pg_uuid_t *service);

#endif /* AC_SLOTS_TAGS_H */
