/*
 * function_setting.c
 *		What a function's definition sets.
 *
 * Locking: none.
 */
#include "postgres.h"

#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/syscache.h"

#include "base/function_setting.h"

char *
function_setting(HeapTuple function, const char *setting)
{
	bool isnull;
	Datum config = SysCacheGetAttr(PROCOID, function, Anum_pg_proc_proconfig, &isnull);
	Datum *items;
	int n = 0;

	if (!isnull)
		deconstruct_array(DatumGetArrayTypeP(config), TEXTOID, -1, false, TYPALIGN_INT, &items, NULL, &n);
	for (int i = 0; i < n; i++)
	{
		char *name;
		char *value;

		ParseLongOption(TextDatumGetCString(items[i]), &name, &value);
		if (value != NULL && strcmp(name, setting) == 0)
			return value;
	}
	return NULL;
}
