/*
 * progress.c
 *		How far those are who warm memory.
 *
 * A process takes a place by writing its PID there, and is the only one that
 * writes the rest.  The place of one that is gone is free.
 *
 * Locking: none; all is atomics.  Who reads may see a place that changes
 * hands meanwhile, which shows as a row of figures of two.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/procarray.h"
#include "storage/shmem.h"
#include "utils/timestamp.h"

#include "cache/progress.h"

typedef struct ProgressPlace
{
	pg_atomic_uint32 pid; /* 0: free */
	pg_atomic_uint32 dboid;
	pg_atomic_uint32 user;
	pg_atomic_uint32 command;
	pg_atomic_uint64 started;
	pg_atomic_uint64 total;
	pg_atomic_uint64 outcomes[NWARM_OUTCOMES];
} ProgressPlace;

static ProgressPlace *places = NULL;
static ProgressPlace *mine = NULL;

Size
progress_shmem_size(void)
{
	return MAX_PROGRESSES * sizeof(ProgressPlace);
}

void
progress_shmem_init(void)
{
	bool found;

	places = ShmemInitStruct("availability_cache progress", progress_shmem_size(), &found);
	mine = NULL;
	if (found)
		return;
	for (int i = 0; i < MAX_PROGRESSES; i++)
	{
		pg_atomic_init_u32(&places[i].pid, 0);
		pg_atomic_init_u32(&places[i].dboid, InvalidOid);
		pg_atomic_init_u32(&places[i].user, InvalidOid);
		pg_atomic_init_u32(&places[i].command, 0);
		pg_atomic_init_u64(&places[i].started, 0);
		pg_atomic_init_u64(&places[i].total, 0);
		for (int o = 0; o < NWARM_OUTCOMES; o++)
			pg_atomic_init_u64(&places[i].outcomes[o], 0);
	}
}

static bool
is_nobodys(uint32 pid)
{
	return pid == 0 || pid == MyProcPid || BackendPidGetProc(pid) == NULL;
}

void
progress_begin(WarmCommand command, int64 total)
{
	progress_end();
	for (int i = 0; places != NULL && mine == NULL && i < MAX_PROGRESSES; i++)
	{
		uint32 pid = pg_atomic_read_u32(&places[i].pid);

		if (is_nobodys(pid) && pg_atomic_compare_exchange_u32(&places[i].pid, &pid, MyProcPid))
			mine = &places[i];
	}
	if (mine == NULL)
		return;
	pg_atomic_write_u32(&mine->dboid, MyDatabaseId);
	pg_atomic_write_u32(&mine->user, GetUserId());
	pg_atomic_write_u32(&mine->command, command);
	pg_atomic_write_u64(&mine->started, GetCurrentTimestamp());
	pg_atomic_write_u64(&mine->total, total);
	for (int o = 0; o < NWARM_OUTCOMES; o++)
		pg_atomic_write_u64(&mine->outcomes[o], 0);
}

void
progress_set_total(int64 total)
{
	if (mine != NULL)
		pg_atomic_write_u64(&mine->total, total);
}

void
progress_add(WarmOutcome outcome)
{
	if (mine != NULL)
		pg_atomic_fetch_add_u64(&mine->outcomes[outcome], 1);
}

void
progress_end(void)
{
	if (mine != NULL)
		pg_atomic_write_u32(&mine->pid, 0);
	mine = NULL;
}

bool
progress_read(int place, Progress *out)
{
	ProgressPlace *from = &places[place];
	uint32 pid = pg_atomic_read_u32(&from->pid);

	if (pid == 0 || BackendPidGetProc(pid) == NULL)
		return false;
	out->pid = pid;
	out->dboid = pg_atomic_read_u32(&from->dboid);
	out->user = pg_atomic_read_u32(&from->user);
	out->command = pg_atomic_read_u32(&from->command);
	out->started = pg_atomic_read_u64(&from->started);
	out->total = pg_atomic_read_u64(&from->total);
	for (int o = 0; o < NWARM_OUTCOMES; o++)
		out->outcomes[o] = pg_atomic_read_u64(&from->outcomes[o]);
	return true;
}
