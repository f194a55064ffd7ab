/*
 * function_setting.h
 *		What a function's definition sets.
 */
#ifndef AC_BASE_FUNCTION_SETTING_H
#define AC_BASE_FUNCTION_SETTING_H

#include "access/htup.h"

/*
 * The value of a setting in the SET clauses of a function, by its row of pg_proc; in
 * the current context, NULL: it sets none.
 */
extern char *function_setting(HeapTuple function, const char *setting);

#endif /* AC_BASE_FUNCTION_SETTING_H */
