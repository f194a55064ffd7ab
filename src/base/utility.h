/*
 * utility.h
 *		Being told when a utility statement is about to run.
 */
#ifndef AC_BASE_UTILITY_H
#define AC_BASE_UTILITY_H

#include "nodes/nodes.h"

/* May raise an error, and the statement does not run. */
typedef void (*UtilityListener)(const Node *statement);

/* For the life of the process.  Who asks last is told first. */
extern void utility_notify(UtilityListener listen);

#endif /* AC_BASE_UTILITY_H */
