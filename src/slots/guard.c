/*
 * guard.c
 *		Lets no transaction commit an appointment that the rules do not allow.
 *
 * Rows are noted as they are written (guard_notes.c) and checked at
 * PRE_COMMIT or PRE_PREPARE, all at once:
 *
 *	1	lock the days of all new appointments, of their stylists and of the kinds of resources that they
 *		take, in one order for everybody
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
 * than MAX_DAY_LOCKS others.  Then days, and where appointments are counted
 * (docs/rules.md, 20) the stylist's dates and weeks, all by their number.  Who holds them
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
#include "base/settings.h"
#include "base/shmem.h"
#include "base/test_hooks.h"
#include "cache/cells.h"
#include "cache/own_writes.h"
#include "cache/readpath.h"
#include "slots/guard.h"
#include "slots/guard_notes.h"
#include "slots/guard_rules.h"
#include "slots/kinds.h"
#include "slots/resource_fit.h"
#include "slots/sources.h"
#include "slots/zone.h"

/* Classes of advisory locks; pg_advisory_lock() has 1 and 2. */
#define LOCK_OF_DATABASE 16707
#define LOCK_OF_DAY 16708
#define MAX_DAY_LOCKS 64

/* The transaction has been checked, and is about to be over. */
static bool committing = false;

/* ---- what sessions remember of the rules ---- */

static bool
concerns_rules(Oid relid)
{
	return relid != source_relid(SOURCE_BOOKINGS) && relid != source_relid(SOURCE_RESERVATIONS) &&
		   sources_concerned(relid);
}

/*
 * Before a snapshot is taken: accepts messages, and returns the clock from before; NO_CLOCK if what is
 * remembered may not be what this transaction sees, as it has written to more than bookings and holds.
 */
static uint64
accept_messages(void)
{
	uint64 clock = NO_CLOCK;

	if (ac_enabled && ac_shared_memory_ready && !own_writes_may_concern(concerns_rules))
		clock = cells_clock();
	AcceptInvalidationMessages();
	return clock;
}

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

/* Of a date or a week whose appointments are counted; no UTC day has such a number, nor one the other's. */
static uint64
number_of_scope(const Appointment *appointment, const CapScope *scope)
{
	return number_of_day(scope->of_service ? &appointment->service : &appointment->stylist,
						 (int64) scope->first + (scope->is_week ? INT64CONST(2) << 40 : INT64CONST(1) << 40));
}

static uint64
number_of_kind(const char *kind, int64 day)
{
	return hash_bytes_extended((const unsigned char *) kind, strlen(kind), (uint64) day);
}

/* Which days are to be locked, or are locked, each once. */
typedef struct DayLocks
{
	uint64 numbers[MAX_DAY_LOCKS];
	int n;
	bool all; /* whatever the numbers are */
} DayLocks;

static int
by_number(const void *a, const void *b)
{
	uint64 x = *(const uint64 *) a;
	uint64 y = *(const uint64 *) b;

	return (x > y) - (x < y);
}

static bool
has_day(const DayLocks *locks, uint64 number)
{
	for (int i = 0; i < locks->n; i++)
	{
		if (locks->numbers[i] == number)
			return true;
	}
	return locks->all;
}

/* False if there is no room. */
static bool
add_day(DayLocks *locks, uint64 number)
{
	if (has_day(locks, number))
		return true;
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

/* The dates and weeks in which it is counted; false if there is no room. */
static bool
add_scopes(DayLocks *locks, const Appointment *appointment, uint64 clock)
{
	CountedIn counted = appointment_counts(appointment, clock);
	bool fits = true;

	for (int i = 0; fits && i < counted.n && !AC_MUTATED(AC_MUTANT_GUARD_NO_CAP_LOCK); i++)
		fits = add_day(locks, number_of_scope(appointment, &counted.scopes[i]));
	return fits;
}

/* Those that were counted then, by rules that may be newer, are locked. */
static void
confirm_scopes(const DayLocks *locks, const Appointment *appointment, const CountedIn *counted)
{
	for (int i = 0; i < counted->n; i++)
	{
		if (!has_day(locks, number_of_scope(appointment, &counted->scopes[i])) &&
			!AC_MUTATED(AC_MUTANT_GUARD_NO_CAP_LOCK))
			ereport(ERROR, errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					errmsg("could not serialize access: the caps or the zone of a stylist have changed"),
					errhint("Run the transaction again."));
	}
}

/* The same of the kinds of resources that it takes. */
static bool
add_kinds(DayLocks *locks, const Appointment *appointment)
{
	int64 first;
	int64 last;
	ListCell *cell;

	if (AC_MUTATED(AC_MUTANT_GUARD_STYLISTS_ONLY))
		return true;
	resource_days_taken(appointment, &first, &last);
	foreach(cell, resource_kinds_taken(appointment))
	{
		for (int64 day = first; day <= last; day++)
		{
			if (!add_day(locks, number_of_kind(lfirst(cell), day)))
				return false;
		}
	}
	return true;
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

/* Whether any appointments may be counted. */
static bool
may_have_caps(void)
{
	return guard_rules()->has_caps || caps_matter();
}

/*
 * Under the active snapshot: how long the buffers are is no secret of who is waited
 * for, nor what caps there are.
 */
static bool
find_days(const List *appointments, bool must_be_offered, uint64 clock, DayLocks *locks)
{
	bool buffered;
	bool capped;
	ListCell *cell;

	sources_load();
	buffered = may_have_buffers();
	capped = must_be_offered && may_have_caps();
	foreach(cell, appointments)
	{
		SlotBuffers buffers = {0};

		CHECK_FOR_INTERRUPTS();
		if (locks->n == MAX_DAY_LOCKS)
			return false;
		if (buffered)
			buffers = appointment_buffers(lfirst(cell), clock);
		if (!add_days(locks, lfirst(cell), buffers) || (capped && !add_scopes(locks, lfirst(cell), clock)) ||
			!add_kinds(locks, lfirst(cell)))
			return false;
	}
	return true;
}

/* Of what kind a resource is, or a service needs, may have changed while others were waited for. */
static void
confirm_kinds(const List *appointments, const DayLocks *locks)
{
	DayLocks now = {.n = 0};
	ListCell *cell;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	PushActiveSnapshot(GetLatestSnapshot());
	sources_load();
	foreach(cell, appointments)
		(void) add_kinds(&now, lfirst(cell));
	PopActiveSnapshot();
	SPI_finish();
	for (int i = 0; i < now.n; i++)
	{
		if (!has_day(locks, now.numbers[i]))
			ereport(ERROR, errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					errmsg("could not serialize access: the resources have changed"),
					errhint("Run the transaction again."));
	}
}

static void
lock_days(const List *appointments, bool must_be_offered, DayLocks *locks)
{
	uint64 clock;

	*locks = (DayLocks){.all = AC_MUTATED(AC_MUTANT_GUARD_NO_LOCK)};
	if (locks->all)
		return;
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	clock = accept_messages();
	PushActiveSnapshot(GetLatestSnapshot());
	locks->all = !find_days(appointments, must_be_offered, clock, locks);
	PopActiveSnapshot();
	SPI_finish();
	take_lock(0, LOCK_OF_DATABASE, locks->all ? ExclusiveLock : ShareLock);
	if (!AC_MUTATED(AC_MUTANT_GUARD_UNSORTED))
		qsort(locks->numbers, locks->n, sizeof(uint64), by_number);
	for (int i = 0; !locks->all && i < locks->n; i++)
	{
		take_lock(locks->numbers[i], LOCK_OF_DAY, ExclusiveLock);
		AC_TEST_SLEEP(ac_sleep_in_guard);
	}
	AcceptInvalidationMessages();
	if (!locks->all && kinds_matter())
		confirm_kinds(appointments, locks);
}

/* ---- the check ---- */

/* What is read for it goes with the connection. */
static SlotReason
check_under(Snapshot snapshot, const Appointment *appointment, uint64 clock, CountedIn *counted)
{
	bool must_be_offered = guard_rules()->mode == GUARD_ON;
	SlotReason reason;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	PushActiveSnapshot(snapshot);
	reason = appointment_check(appointment, must_be_offered, clock, counted);
	PopActiveSnapshot();
	SPI_finish();
	return reason;
}

static void
refuse(const Appointment *appointment, SlotReason reason)
{
	const char *what = appointment->is_hold ? "hold" : "booking";
	CountedIn unused;

	/* What others made since the transaction's snapshot, it cannot have known. */
	if (IsolationUsesXactSnapshot() &&
		check_under(GetTransactionSnapshot(), appointment, NO_CLOCK, &unused) == WHY_NONE)
		ereport(ERROR, errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				errmsg("could not serialize access: the time of a %s was taken since the transaction began",
					   what),
				errdetail_internal("%s", appointment_reason_name(reason)),
				errhint("Run the transaction again."));
	ereport(ERROR, errcode(ERRCODE_EXCLUSION_VIOLATION), errmsg("the time of a %s is not available", what),
			errdetail_internal("%s", appointment_reason_name(reason)),
			errhint(
				"get_available_slots says what is; availability_cache.rules.guard says what is refused."));
}

static void
check_appointments(const List *appointments, uint64 clock, const DayLocks *locks)
{
	Snapshot latest = AC_MUTATED(AC_MUTANT_GUARD_OLD_SNAPSHOT) ? GetTransactionSnapshot()
															   : GetLatestSnapshot();
	ListCell *cell;

	latest = RegisterSnapshot(latest);
	foreach(cell, appointments)
	{
		CountedIn counted;
		SlotReason reason;

		CHECK_FOR_INTERRUPTS();
		reason = check_under(latest, lfirst(cell), clock, &counted);
		confirm_scopes(locks, lfirst(cell), &counted);
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

/* Whether it matters on which date an appointment begins. */
static bool
starts_matter(void)
{
	bool matter;

	if (guard_rules()->mode != GUARD_ON || !guard_notes_any_update())
		return false;
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	sources_load();
	matter = may_have_caps();
	SPI_finish();
	return matter;
}

static void
check_all(void)
{
	List *appointments = guard_notes_new(starts_matter());
	DayLocks locks = {.all = true};
	uint64 clock;

	if (appointments == NIL)
		return;
	if (AC_MUTATED(AC_MUTANT_GUARD_CHECKS_FIRST))
		check_appointments(appointments, NO_CLOCK, &locks);
	lock_days(appointments, guard_rules()->mode == GUARD_ON, &locks);
	clock = accept_messages();
	if (!AC_MUTATED(AC_MUTANT_GUARD_CHECKS_FIRST))
		check_appointments(appointments, clock, &locks);
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

/* Under the newest snapshot, which has its resource too, if one is named for it. */
static SlotReason
would_fit(Appointment *appointment, bool must_be_offered, const DayLocks *locks)
{
	CountedIn counted;
	SlotReason reason;
	uint64 clock;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	clock = accept_messages();
	PushActiveSnapshot(GetLatestSnapshot());
	reason = appointment_would_fit(appointment, must_be_offered, clock, &counted);
	if (reason == WHY_NONE && !appointment->has_resource)
		appointment_give_resource(appointment);
	PopActiveSnapshot();
	SPI_finish();
	confirm_scopes(locks, appointment, &counted);
	return reason;
}

static void
set_resource(Appointment *appointment, const GuardedResource *resource)
{
	appointment->has_resource = resource->named;
	if (resource->named)
		appointment->resource = resource->id;
}

static SlotReason
reserve_slot(const pg_uuid_t *stylist, const pg_uuid_t *service, int64 start, int64 *end, int64 seats,
			 GuardedResource *resource)
{
	Appointment appointment;
	Appointment again;
	SlotReason reason;
	DayLocks locks;

	if (!find_slot(stylist, service, start, &appointment))
		return WHY_NOT_OFFERED;
	set_resource(&appointment, resource);
	lock_days(list_make1(&appointment), true, &locks);
	AcceptInvalidationMessages();
	if (!find_slot(stylist, service, start, &again))
		return WHY_NOT_OFFERED;
	if (again.at.end != appointment.at.end)
		ereport(ERROR, errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				errmsg("could not serialize access: the service's duration has changed"),
				errhint("Run the transaction again."));
	*end = appointment.at.end;
	appointment.seats = seats;
	reason = would_fit(&appointment, true, &locks);
	*resource = (GuardedResource){appointment.has_resource, appointment.resource};
	return reason;
}

static SlotReason
reserve_time(const pg_uuid_t *stylist, const pg_uuid_t *service, int64 start, int64 end, int64 seats,
			 GuardedResource *resource)
{
	Appointment appointment;
	SlotReason reason;
	DayLocks locks;

	memset(&appointment, 0, sizeof(appointment));
	appointment.stylist = *stylist;
	appointment.has_service = service != NULL;
	if (service != NULL)
		appointment.service = *service;
	appointment.at = (SlotInterval){start, end};
	appointment.expires = SLOT_NEVER;
	appointment.seats = seats;
	set_resource(&appointment, resource);
	lock_days(list_make1(&appointment), false, &locks);
	reason = would_fit(&appointment, false, &locks);
	*resource = (GuardedResource){appointment.has_resource, appointment.resource};
	return reason;
}

SlotReason
guard_reserve(const pg_uuid_t *stylist, const pg_uuid_t *service, int64 start, int64 *end, int64 seats,
			  GuardedResource *resource)
{
	int settings = guard_settings();
	SlotReason reason;

	CommandCounterIncrement();
	if (*end == DT_NOEND)
		reason = reserve_slot(stylist, service, start, end, seats, resource);
	else
		reason = reserve_time(stylist, service, start, *end, seats, resource);
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
