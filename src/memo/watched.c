/*
 * watched.c
 *		Which tables tell of their changes, and of which columns' values.
 *
 * A table tells by a trigger: availability_cache_internal.watched_changed(), AFTER, FOR
 * EACH ROW, on INSERT, UPDATE and DELETE, enabled ALWAYS.  That a table is
 * truncated or rewritten, and that a trigger is made, dropped, disabled or
 * enabled, is told by the relation's invalidation message, on which every
 * answer depends too.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/catalog.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "common/hashfn.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "base/compat.h"
#include "base/members.h"
#include "base/test_hooks.h"
#include "memo/watched.h"

#define ALL_CHANGES (TRIGGER_TYPE_ROW | TRIGGER_TYPE_INSERT | TRIGGER_TYPE_UPDATE | TRIGGER_TYPE_DELETE)

/* The trigger function, remembered while it is there. */
static Oid
trigger_function(void)
{
	static Oid found = InvalidOid;

	if (!OidIsValid(found) || !SearchSysCacheExists1(PROCOID, ObjectIdGetDatum(found)))
		found = member_find(ProcedureRelationId, "watched_changed");
	return found;
}

static const Trigger *
find_trigger(Relation rel)
{
	Oid function = rel->trigdesc == NULL ? InvalidOid : trigger_function();

	for (int i = 0; OidIsValid(function) && i < rel->trigdesc->numtriggers; i++)
	{
		const Trigger *trigger = &rel->trigdesc->triggers[i];

		if (trigger->tgfoid == function && trigger->tgtype == ALL_CHANGES &&
			trigger->tgenabled == TRIGGER_FIRES_ALWAYS && trigger->tgnattr == 0 && trigger->tgqual == NULL)
			return trigger;
	}
	return NULL;
}

static TypeCacheEntry *
hash_of_type(Oid type)
{
	TypeCacheEntry *entry = lookup_type_cache(getBaseType(type), TYPECACHE_HASH_EXTENDED_PROC_FINFO);

	return OidIsValid(entry->hash_extended_proc_finfo.fn_oid) ? entry : NULL;
}

bool
hash_of_value(Oid type, Oid collation, Datum value, uint64 *hash)
{
	TypeCacheEntry *entry = hash_of_type(type);

	if (entry == NULL)
		return false;
	if (AC_MUTATED(AC_MUTANT_BYTES_HASHED) && entry->typlen == -1)
	{
		struct varlena *bytes = PG_DETOAST_DATUM_PACKED(value);

		*hash = hash_bytes_extended((unsigned char *) VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes), 0);
		return true;
	}
	*hash = DatumGetUInt64(
		FunctionCall2Coll(&entry->hash_extended_proc_finfo, collation, value, Int64GetDatum(0)));
	return true;
}

void
key_columns_of(const Trigger *trigger, TupleDesc desc, KeyColumns *keys)
{
	keys->n = 0;
	for (int i = 0; i < trigger->tgnargs && keys->n < MAX_KEY_COLUMNS; i++)
	{
		int column = SPI_fnumber(desc, trigger->tgargs[i]);

		if (column > 0 && !AC_IS_VIRTUAL(TupleDescAttr(desc, column - 1)) &&
			hash_of_type(TupleDescAttr(desc, column - 1)->atttypid) != NULL)
			keys->columns[keys->n++] = column;
	}
}

ReasonKind
watched_table(Relation rel, KeyColumns *keys)
{
	const Trigger *trigger;
	char kind = rel->rd_rel->relkind;

	keys->n = 0;
	if (IsCatalogRelation(rel) || RelationGetRelid(rel) < FirstNormalObjectId)
		return REASON_CATALOG;
	if (rel->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
		return REASON_TEMPORARY;
	if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
		return REASON_RELKIND;
	trigger = find_trigger(rel);
	if (trigger == NULL)
		return REASON_UNWATCHED;
	key_columns_of(trigger, RelationGetDescr(rel), keys);
	return REASON_NONE;
}

bool
watched_concerns(Oid relid)
{
	Relation rel = try_relation_open(relid, AccessShareLock);
	bool concerns;

	if (rel == NULL)
		return true;
	concerns = rel->trigdesc != NULL && find_trigger(rel) != NULL;
	relation_close(rel, AccessShareLock);
	return concerns;
}
