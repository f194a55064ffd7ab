/*
 * relcache.c
 *		Being told when a relation's definition changes.
 *
 * A server has room for ten relcache callbacks, of all extensions together:
 * this is the only one that we take.
 */
#include "postgres.h"

#include "utils/inval.h"

#include "base/relcache.h"

#define MAX_FORGETTERS 16

static RelationForgetter forgetters[MAX_FORGETTERS];
static int nforgetters = 0;

static void
relation_changed(Datum arg, Oid relid)
{
	for (int i = 0; i < nforgetters; i++)
		forgetters[i](relid);
}

void
relcache_notify(RelationForgetter forget)
{
	if (nforgetters == MAX_FORGETTERS)
		elog(ERROR, "too many listeners to relcache messages");
	if (nforgetters == 0)
		CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
	forgetters[nforgetters++] = forget;
}
