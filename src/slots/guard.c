/*
 * guard.c
 *		Lets no transaction commit an appointment that the rules do not allow.
 *
 * Rows are noted as they are written (guard_notes.c) and checked at
 * PRE_COMMIT or PRE_PREPARE, all at once:
 *
 *	1	lock the days of all new appointments, in one order for everybody
 *	2	accept messages, take the newest snapshot
 *	3	compute whether each may be where it is, had its own row not been written
 *
 * Of two transactions whose appointments meet, both lock a day that both have:
 * each locks the days of its own, widened by its own buffers, and where two
 * are nearer than one's buffers allow, that one reaches into the other.  The
 * locks last until the transaction is over and visible, or its prepared
 * transaction is.  So the second one's snapshot has the first one's rows.
 *
 * Locking: transaction-level locks with tags of advisory locks of classes of
 * their own.  First the database's, shared; exclusively by who would need more
 * than MAX_DAY_LOCKS others.  Then days, by their number.  Who holds them
 * waits for nothing but locks of tables that are read.  So no two of them
 * wait for each other, unless guard_check is called before the end.
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/as_user.h"
#include "base/test_hooks.h"
#include "slots/guard.h"
#include "slots/guard_notes.h"
#include "slots/guard_rules.h"
#include "slots/sources.h"
#include "slots/zone.h"

/* Classes of advisory locks; pg_advisory_lock() has 1 and 2. */
#define LOCK_OF_DATABASE 16707
#define LOCK_OF_DAY 16708
#define MAX_DAY_LOCKS 64

/* The transaction has been checked, and is about to be over. */
static bool committing = false;

/* ---- locks ---- */

static void
take_lock(uint64 number, uint16 class, LOCKMODE mode)
{
	LOCKTAG tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, (uint32) (number >> 32), (uint32) number, class);
	(void) LockAcquire(&tag, mode, false, false);
}

static uint64
number_of_day(const pg_uuid_t *stylist, int64 day)
{
	return hash_bytes_extended((const unsigned char *) stylist, UUID_LEN, (uint64) day);
}

/* Which days are to be locked, each once. */
typedef struct DayLocks
{
	uint64 numbers[MAX_DAY_LOCKS];
	int n;
} DayLocks;

static int
by_number(const void *a, const void *b)
{
	uint64 x = *(const uint64 *) a;
	uint64 y = *(const uint64 *) b;

	return (x > y) - (x < y);
}

/* False if there is no room. */
static bool
add_day(DayLocks *locks, uint64 number)
{
	for (int i = 0; i < locks->n; i++)
	{
		if (locks->numbers[i] == number)
			return true;
	}
	if (locks->n == MAX_DAY_LOCKS)
		return false;
	locks->numbers[locks->n++] = number;
	return true;
}

/* The UTC days of an appointment with what is kept free around it; false if there is no room. */
static bool
add_days(DayLocks *locks, const Appointment *appointment, SlotBuffers buffers)
{
	int64 last;
	bool fits = true;

	/* A difference could overflow. */
	if (TIMESTAMP_NOT_FINITE(appointment->at.start) || TIMESTAMP_NOT_FINITE(appointment->at.end) ||
		appointment->at.start < appointment->at.end - MAX_DAY_LOCKS * USECS_PER_DAY)
		return false;
	last = utc_day_of(appointment->at.end + buffers.after - 1);
	for (int64 day = utc_day_of(appointment->at.start - buffers.before); fits && day <= last; day++)
		fits = add_day(locks, number_of_day(&appointment->stylist, day));
	return fits;
}

/* Whether anything may be kept free around appointments. */
static bool
may_have_buffers(void)
{
	static const SourceRole roles[] = {SOURCE_SERVICES, SOURCE_PROFILES};

	if (guard_rules()->has_buffers)
		return true;
	for (int i = 0; i < lengthof(roles); i++)
	{
		if (source_column(roles[i], "buffer_before_minutes") != NULL ||
			source_column(roles[i], "buffer_after_minutes") != NULL)
			return true;
	}
	return false;
}

/* Under the active snapshot: how long the buffers are is no secret of who is waited for. */
static bool
find_days(const List *appointments, DayLocks *locks)
{
	bool buffered;
	ListCell *cell;

	sources_load();
	buffered = may_have_buffers();
	foreach(cell, appointments)
	{
		SlotBuffers buffers = {0};

		CHECK_FOR_INTERRUPTS();
		if (locks->n == MAX_DAY_LOCKS)
			return false;
		if (buffered)
			buffers = appointment_buffers(lfirst(cell));
		if (!add_days(locks, lfirst(cell), buffers))
			return false;
	}
	return true;
}

static void
lock_days(const List *appointments)
{
	DayLocks locks = {.n = 0};
	bool fits;

	if (AC_MUTATED(AC_MUTANT_GUARD_NO_LOCK))
		return;
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	PushActiveSnapshot(GetLatestSnapshot());
	fits = find_days(appointments, &locks);
	PopActiveSnapshot();
	SPI_finish();
	take_lock(0, LOCK_OF_DATABASE, fits ? ShareLock : ExclusiveLock);
	if (!AC_MUTATED(AC_MUTANT_GUARD_UNSORTED))
		qsort(locks.numbers, locks.n, sizeof(uint64), by_number);
	for (int i = 0; fits && i < locks.n; i++)
	{
		take_lock(locks.numbers[i], LOCK_OF_DAY, ExclusiveLock);
		AC_TEST_SLEEP(ac_sleep_in_guard);
	}
}

/* ---- the check ---- */

/* What is read for it goes with the connection. */
static SlotReason
check_under(Snapshot snapshot, const Appointment *appointment)
{
	bool must_be_offered = guard_rules()->mode == GUARD_ON;
	SlotReason reason;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	PushActiveSnapshot(snapshot);
	reason = appointment_check(appointment, must_be_offered);
	PopActiveSnapshot();
	SPI_finish();
	return reason;
}

static void
refuse(const Appointment *appointment, SlotReason reason)
{
	const char *what = appointment->is_hold ? "hold" : "booking";

	/* What others made since the transaction's snapshot, it cannot have known. */
	if (IsolationUsesXactSnapshot() && check_under(GetTransactionSnapshot(), appointment) == WHY_NONE)
		ereport(ERROR, errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				errmsg("could not serialize access: the time of a %s was taken since the transaction began", what),
				errdetail_internal("%s", appointment_reason_name(reason)), errhint("Run the transaction again."));
	ereport(ERROR, errcode(ERRCODE_EXCLUSION_VIOLATION), errmsg("the time of a %s is not available", what),
			errdetail_internal("%s", appointment_reason_name(reason)),
			errhint("get_available_slots says what is; availability_cache.rules.guard says what is refused."));
}

static void
check_appointments(const List *appointments)
{
	Snapshot latest = AC_MUTATED(AC_MUTANT_GUARD_OLD_SNAPSHOT) ? GetTransactionSnapshot() : GetLatestSnapshot();
	ListCell *cell;

	latest = RegisterSnapshot(latest);
	foreach(cell, appointments)
	{
		SlotReason reason;

		CHECK_FOR_INTERRUPTS();
		reason = check_under(latest, lfirst(cell));
		if (reason != WHY_NONE)
			refuse(lfirst(cell), reason);
	}
	UnregisterSnapshot(latest);
}

static void
refuse_unreadable(void)
{
	if (guard_notes_unreadable())
		ereport(
			ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg(
				"bookings cannot be guarded: an attached table has not the columns that it was attached with, or they are virtual"),
			errhint(
				"SELECT * FROM availability_cache.attach(), or UPDATE availability_cache.rules SET guard = 'off'."));
}

static void
check_all(void)
{
	List *appointments = guard_notes_new();

	if (appointments == NIL)
		return;
	if (AC_MUTATED(AC_MUTANT_GUARD_CHECKS_FIRST))
		check_appointments(appointments);
	lock_days(appointments);
	AcceptInvalidationMessages();
	if (!AC_MUTATED(AC_MUTANT_GUARD_CHECKS_FIRST))
		check_appointments(appointments);
}

void
guard_check(void)
{
	MemoryContext memory;
	MemoryContext caller;
	int settings;

	if (!guard_notes_any() || guard_rules()->mode == GUARD_OFF)
		return;
	refuse_unreadable();
	CommandCounterIncrement();
	settings = guard_settings();
	memory = AllocSetContextCreate(CurrentMemoryContext, "availability_cache guard", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(memory);
	check_all();
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(memory);
	restore_settings(settings);
}

/* ---- slots that are about to be taken ---- */

/* The appointment that it would be, under the newest snapshot; false if nobody offers it. */
static bool
find_slot(const pg_uuid_t *stylist, const pg_uuid_t *service, int64 start, Appointment *appointment)
{
	bool found;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	PushActiveSnapshot(GetLatestSnapshot());
	found = appointment_of_slot(stylist, service, start, appointment);
	PopActiveSnapshot();
	SPI_finish();
	return found;
}

static SlotReason
would_fit(const Appointment *appointment, bool must_be_offered)
{
	SlotReason reason;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	PushActiveSnapshot(GetLatestSnapshot());
	reason = appointment_would_fit(appointment, must_be_offered);
	PopActiveSnapshot();
	SPI_finish();
	return reason;
}

static SlotReason
reserve_slot(const pg_uuid_t *stylist, const pg_uuid_t *service, int64 start, int64 *end, int64 seats)
{
	Appointment appointment;
	Appointment again;

	if (!find_slot(stylist, service, start, &appointment))
		return WHY_NOT_OFFERED;
	lock_days(list_make1(&appointment));
	AcceptInvalidationMessages();
	if (!find_slot(stylist, service, start, &again))
		return WHY_NOT_OFFERED;
	if (again.at.end != appointment.at.end)
		ereport(ERROR, errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				errmsg("could not serialize access: the service's duration has changed"),
				errhint("Run the transaction again."));
	*end = appointment.at.end;
	appointment.seats = seats;
	return would_fit(&appointment, true);
}

static SlotReason
reserve_time(const pg_uuid_t *stylist, const pg_uuid_t *service, int64 start, int64 end, int64 seats)
{
	Appointment appointment;

	memset(&appointment, 0, sizeof(appointment));
	appointment.stylist = *stylist;
	appointment.has_service = service != NULL;
	if (service != NULL)
		appointment.service = *service;
	appointment.at = (SlotInterval){start, end};
	appointment.expires = SLOT_NEVER;
	appointment.seats = seats;
	lock_days(list_make1(&appointment));
	AcceptInvalidationMessages();
	return would_fit(&appointment, false);
}

SlotReason
guard_reserve(const pg_uuid_t *stylist, const pg_uuid_t *service, int64 start, int64 *end, int64 seats)
{
	int settings = guard_settings();
	SlotReason reason;

	CommandCounterIncrement();
	if (*end == DT_NOEND)
		reason = reserve_slot(stylist, service, start, end, seats);
	else
		reason = reserve_time(stylist, service, start, *end, seats);
	restore_settings(settings);
	return reason;
}

/* ---- when ---- */

void
guard_row_changes(const Appointment *before, const Appointment *after)
{
	guard_note(before, after);
	/* Another extension's pre-commit callback wrote something after ours. */
	if (committing)
		guard_check();
}

void
guard_unreadable_row_changes(void)
{
	guard_note_unreadable();
	if (committing)
		guard_check();
}

static void
guard_xact_callback(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			guard_check();
			committing = true;
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PREPARE:
		case XACT_EVENT_ABORT:
			guard_notes_forget();
			committing = false;
			break;
		default:
			break;
	}
}

void
guard_init(void)
{
	guard_notes_init();
	RegisterXactCallback(guard_xact_callback, NULL);
}
