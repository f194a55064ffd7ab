/*
 * narrow.h
 *		Which rows of its table a scan can read at most.
 */
#ifndef AC_MEMO_NARROW_H
#define AC_MEMO_NARROW_H

#include "executor/execdesc.h"

#include "cache/tag.h"
#include "memo/watched.h"

/*
 * Where the scan of a query that is being started reads only rows with one
 * value in one of these columns of its table: the tag of these.
 */
extern bool narrow_scan(const QueryDesc *query, Plan *scan, Relation rel, const KeyColumns *keys, Tag *tag);

#endif /* AC_MEMO_NARROW_H */
