/*
 * audited_day.h
 *		Days, for who audits answers.
 */
#ifndef AC_ENTRY_AUDITED_DAY_H
#define AC_ENTRY_AUDITED_DAY_H

#include "cache/audit.h"

/* Of requests whose arg is, or begins with, a DayRequest. */
extern const AuditedKind audited_day;

#endif /* AC_ENTRY_AUDITED_DAY_H */
