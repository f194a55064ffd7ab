/*
 * thresholds.h
 *		The settings availability_cache.health_*, which the view health goes by.
 */
#ifndef AC_BASE_THRESHOLDS_H
#define AC_BASE_THRESHOLDS_H

extern void thresholds_define(void);

#endif /* AC_BASE_THRESHOLDS_H */
