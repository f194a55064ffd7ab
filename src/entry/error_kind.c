/*
 * error_kind.c
 *		The codes of error answers, as they are counted.
 */
#include "postgres.h"

#include "cache/counters.h"
#include "entry/error_kind.h"

const char *const error_kind_codes[NERROR_KINDS] = {[ERROR_INVALID_ARGUMENT] = "INVALID_ARGUMENT",
													[ERROR_INVALID_TIMEZONE] = "INVALID_TIMEZONE",
													[ERROR_STYLIST_NOT_FOUND] = "STYLIST_NOT_FOUND",
													[ERROR_SERVICE_NOT_OFFERED] = "SERVICE_NOT_OFFERED",
													[ERROR_NOT_FOUND] = "NOT_FOUND",
													[ERROR_INTERNAL_ERROR] = "INTERNAL_ERROR"};

StaticAssertDecl((int) NERROR_KINDS <= MAX_ERROR_KINDS, "each kind has a counter");

ErrorKind
error_kind(const char *code)
{
	for (int kind = 0; kind < NERROR_KINDS; kind++)
	{
		if (strcmp(code, error_kind_codes[kind]) == 0)
			return kind;
	}
	return ERROR_INTERNAL_ERROR;
}
