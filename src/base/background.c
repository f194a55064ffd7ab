/*
 * background.c
 *		What background workers of ours have in common.
 *
 * Locking: none.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/latch.h"
#include "utils/guc.h"

#include "base/background.h"

void
background_describe(BackgroundWorker *worker, const char *function, const char *type, Oid dboid)
{
	memset(worker, 0, sizeof(*worker));
	worker->bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker->bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker->bgw_restart_time = BGW_NEVER_RESTART;
	snprintf(worker->bgw_library_name, sizeof(worker->bgw_library_name), "availability_cache");
	snprintf(worker->bgw_function_name, sizeof(worker->bgw_function_name), "%s", function);
	snprintf(worker->bgw_type, BGW_MAXLEN, "availability_cache %s", type);
	if (OidIsValid(dboid))
		snprintf(worker->bgw_name, BGW_MAXLEN, "availability_cache %s of database %u", type, dboid);
	else
		snprintf(worker->bgw_name, BGW_MAXLEN, "availability_cache %s", type);
}

void
background_set(const char *const settings[][2], int n)
{
	for (int i = 0; i < n; i++)
		SetConfigOption(settings[i][0], settings[i][1], PGC_SUSET, PGC_S_OVERRIDE);
}

void
background_reload(void)
{
	if (!ConfigReloadPending)
		return;
	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
}

void
background_nap(long milliseconds, const char *event)
{
	static uint32 wait_event = 0;

	if (wait_event == 0)
		wait_event = AC_WAIT_EVENT(event);
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, milliseconds, wait_event);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
	background_reload();
}
