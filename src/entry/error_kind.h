/*
 * error_kind.h
 *		The codes of error answers, as they are counted.
 */
#ifndef AC_ENTRY_ERROR_KIND_H
#define AC_ENTRY_ERROR_KIND_H

typedef enum ErrorKind
{
	ERROR_INVALID_ARGUMENT,
	ERROR_INVALID_TIMEZONE,
	ERROR_STYLIST_NOT_FOUND,
	ERROR_SERVICE_NOT_OFFERED,
	ERROR_NOT_FOUND,
	ERROR_INTERNAL_ERROR,
	NERROR_KINDS
} ErrorKind;

extern const char *const error_kind_codes[NERROR_KINDS];

/* Of a code that is none of them: ERROR_INTERNAL_ERROR. */
extern ErrorKind error_kind(const char *code);

#endif /* AC_ENTRY_ERROR_KIND_H */
