/*
 * cursors.c
 *		Cursors of the session that a function may fetch from unseen.
 *
 * One WITH HOLD has its rows, and passes no executor: nothing is told where a
 * function fetches from it that has taken its name.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/fmgroids.h"
#include "utils/tuplestore.h"

#include "memo/cursors.h"

bool
cursors_hold(void)
{
	ExprContext *context = CreateStandaloneExprContext();
	ReturnSetInfo rsinfo = {.type = T_ReturnSetInfo, .econtext = context, .allowedModes = SFRM_Materialize};
	LOCAL_FCINFO(fcinfo, 0);
	TupleTableSlot *slot;
	bool is_holdable = false;
	bool isnull;
	FmgrInfo info;

	fmgr_info(F_PG_CURSOR, &info);
	InitFunctionCallInfoData(*fcinfo, &info, 0, InvalidOid, NULL, (Node *) &rsinfo);
	(void) FunctionCallInvoke(fcinfo);
	slot = MakeSingleTupleTableSlot(rsinfo.setDesc, &TTSOpsMinimalTuple);
	while (!is_holdable && tuplestore_gettupleslot(rsinfo.setResult, true, false, slot))
		is_holdable = DatumGetBool(slot_getattr(slot, 3, &isnull));
	ExecDropSingleTupleTableSlot(slot);
	tuplestore_end(rsinfo.setResult);
	FreeExprContext(context, true);
	return is_holdable;
}
