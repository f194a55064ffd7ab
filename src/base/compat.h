/*
 * compat.h
 *		Every difference between PostgreSQL versions, in one place.
 */
#ifndef AC_BASE_COMPAT_H
#define AC_BASE_COMPAT_H

#include "storage/proc.h"
#include "utils/guc.h"
#include "utils/guc_tables.h"
#include "utils/wait_event.h"

/* Variable-length values: part of postgres.h until 15. */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

#if PG_VERSION_NUM < 150000
#error "availability_cache needs PostgreSQL 15 or later"
#endif

/* Our other symbols are hidden; before 16 nothing marks those that the server looks up. */
#if PG_VERSION_NUM < 160000
#undef PGDLLEXPORT
#define PGDLLEXPORT __attribute__((visibility("default")))
#endif

/* This backend's place among MaxBackends. */
#if PG_VERSION_NUM >= 170000
#define AC_MY_PROCNO MyProcNumber
#else
#define AC_MY_PROCNO (MyProc->pgprocno)
#endif

/* Whether a transaction has let go of its xid's lock. */
#if PG_VERSION_NUM >= 180000
#define AC_XACT_LOCK_IS_FREE(xid) ConditionalXactLockTableWait(xid, false)
#else
#define AC_XACT_LOCK_IS_FREE(xid) ConditionalXactLockTableWait(xid)
#endif

/*
 * Whether a role may call a function, or look into a schema; needs catalog/pg_proc.h,
 * pg_namespace.h and utils/acl.h.
 */
#if PG_VERSION_NUM >= 160000
#define AC_MAY_EXECUTE(function, role) \
	(object_aclcheck(ProcedureRelationId, (function), (role), ACL_EXECUTE) == ACLCHECK_OK)
#define AC_MAY_USE_SCHEMA(schema, role) \
	(object_aclcheck(NamespaceRelationId, (schema), (role), ACL_USAGE) == ACLCHECK_OK)
#else
#define AC_MAY_EXECUTE(function, role) (pg_proc_aclcheck((function), (role), ACL_EXECUTE) == ACLCHECK_OK)
#define AC_MAY_USE_SCHEMA(schema, role) (pg_namespace_aclcheck((schema), (role), ACL_USAGE) == ACLCHECK_OK)
#endif

/* Columns that are computed when read: a trigger's row does not have them. */
#if PG_VERSION_NUM >= 180000
#define AC_IS_VIRTUAL(att) ((att)->attgenerated == ATTRIBUTE_GENERATED_VIRTUAL)
#else
#define AC_IS_VIRTUAL(att) false
#endif

/* Whether a text is JSON: without raising. */
#if PG_VERSION_NUM >= 170000
#define AC_IS_JSON(text, size)                                                                           \
	(pg_parse_json(makeJsonLexContextCstringLen(NULL, (text), (size), PG_UTF8, true), &nullSemAction) == \
	 JSON_SUCCESS)
#else
#define AC_IS_JSON(text, size)                                                                     \
	(pg_parse_json(makeJsonLexContextCstringLen((text), (size), PG_UTF8, true), &nullSemAction) == \
	 JSON_SUCCESS)
#endif

#if PG_VERSION_NUM >= 170000
#define AC_WAIT_EVENT(name) WaitEventExtensionNew(name)
#else
#define AC_WAIT_EVENT(name) PG_WAIT_EXTENSION
#endif

#if PG_VERSION_NUM >= 180000
#define AC_MODULE_MAGIC PG_MODULE_MAGIC_EXT(.name = "availability_cache", .version = AC_VERSION)
#else
#define AC_MODULE_MAGIC PG_MODULE_MAGIC
#endif

#if PG_VERSION_NUM >= 180000
#define AC_INDEX_BEGINSCAN(rel, index, snapshot, nkeys) \
	index_beginscan((rel), (index), (snapshot), NULL, (nkeys), 0)
#else
#define AC_INDEX_BEGINSCAN(rel, index, snapshot, nkeys) \
	index_beginscan((rel), (index), (snapshot), (nkeys), 0)
#endif

/* A range that is not empty; needs utils/rangetypes.h. */
#if PG_VERSION_NUM >= 160000
#define AC_MAKE_RANGE(type, lower, upper) make_range((type), (lower), (upper), false, NULL)
#else
#define AC_MAKE_RANGE(type, lower, upper) make_range((type), (lower), (upper), false)
#endif

/* What the server has of a setting, NULL if there is none: of utils/guc_tables.h. */
#if PG_VERSION_NUM >= 160000
#define AC_FIND_SETTING(name) find_option((name), false, true, 0)
/* Looking takes no time. */
#define AC_MORE_SETTINGS_THAN(n) true
#define AC_NSETTINGS() 0
#else
static inline struct config_generic *
ac_find_setting(const char *name)
{
	struct config_generic **all = get_guc_variables();

	for (int i = 0; i < GetNumConfigOptions(); i++)
	{
		if (strcmp(all[i]->name, name) == 0)
			return all[i];
	}
	return NULL;
}
#define AC_FIND_SETTING(name) ac_find_setting(name)
#define AC_MORE_SETTINGS_THAN(n) (GetNumConfigOptions() != (n))
#define AC_NSETTINGS() GetNumConfigOptions()
#endif

/* utils/pg_locale.h wants ICU's headers, which do not come with the server's. */
extern PGDLLIMPORT char *locale_messages;
extern PGDLLIMPORT char *locale_monetary;
extern PGDLLIMPORT char *locale_numeric;
extern PGDLLIMPORT char *locale_time;
extern char *get_collation_actual_version(char collprovider, const char *collcollate);

#if PG_VERSION_NUM >= 170000
#define AC_TRANSAM_VARIABLES TransamVariables
#else
#define AC_TRANSAM_VARIABLES ShmemVariableCache
#endif

/* DecodeDateTime(), which raises nothing. */
#if PG_VERSION_NUM >= 160000
#define AC_DECODE_TIME(fields, kinds, n, kind, tm, fraction, zone) \
	DecodeDateTime((fields), (kinds), (n), (kind), (tm), (fraction), (zone), &(DateTimeErrorExtra){0})
#else
#define AC_DECODE_TIME(fields, kinds, n, kind, tm, fraction, zone) \
	DecodeDateTime((fields), (kinds), (n), (kind), (tm), (fraction), (zone))
#endif

#endif /* AC_BASE_COMPAT_H */
