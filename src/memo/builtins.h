/*
 * builtins.h
 *		What may come of calling a function of the server's.
 */
#ifndef AC_MEMO_BUILTINS_H
#define AC_MEMO_BUILTINS_H

typedef enum BuiltinUse
{
	BUILTIN_HARMLESS, /* it goes by arguments and what every key has */
	BUILTIN_CLOCK,
	BUILTIN_DATE,	 /* by the date alone */
	BUILTIN_SESSION, /* by a setting */
	BUILTIN_UNSEEN,	 /* perhaps by its arguments alone */
	BUILTIN_REFUSED	 /* it gives something else each time, or does more */
} BuiltinUse;

/* By its name and provolatile. */
extern BuiltinUse builtin_use(const char *name, char volatility);

#endif /* AC_MEMO_BUILTINS_H */
