/*
 * resource_fit.c
 *		Whether an appointment can have the resource that it takes.
 *
 * Some appointments name their resource, some are content with any of the
 * kind.  All have one at all times, in the sense that those who name none
 * could be told one each, so that no two have the same:
 *
 *	- One that names none fits if fewer than there are of the kind are taken, each other one that
 *	  overlaps with it counting for one: then one is left, wherever the others are.
 *	- One that names a resource may turn out others who name none.  It fits if no other
 *	  names that resource, and each of those whom it overlaps with would fit anew: then these
 *	  can be told another, one by one.
 *
 * Those are looked at whole.  So the days half a day around are locked too, and
 * who names a resource does not fit where one of those is there on other days.
 *
 * docs/rules.md says what takes a resource (21).
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "cache/readpath.h"
#include "slots/buffers.h"
#include "slots/resource_fit.h"
#include "slots/takings.h"
#include "slots/zone.h"

#define AROUND (USECS_PER_DAY / 2)

/* ---- what it takes ---- */

static const ResourceNeed *
need_of(const ResourceKinds *kinds, const Appointment *appointment)
{
	return appointment->has_service ? kinds_need_of(kinds, &appointment->service) : NULL;
}

/* The kinds of a resource that is named. */
static List *
kinds_of(const ResourceKinds *kinds, const pg_uuid_t *resource)
{
	List *found = NIL;

	for (int i = 0; i < kinds->nresources; i++)
	{
		if (uuid_order(&kinds->resources[i].id, resource) == 0)
			found = lappend(found, (char *) kinds->resources[i].kind);
	}
	return found;
}

/* That kind, and those that its resources are of besides: one that names none may be given any of them. */
static List *
kinds_beside(const ResourceKinds *kinds, const char *kind)
{
	const Resource *resources = kinds->resources;
	List *found = list_make1((char *) kind);

	/* They come by their id: the rows of one are neighbours. */
	for (int i = 0; i < kinds->nresources; i++)
	{
		if (strcmp(resources[i].kind, kind) != 0)
			continue;
		for (int j = i - 1; j >= 0 && uuid_order(&resources[j].id, &resources[i].id) == 0; j--)
			found = lappend(found, (char *) resources[j].kind);
		for (int j = i + 1; j < kinds->nresources && uuid_order(&resources[j].id, &resources[i].id) == 0; j++)
			found = lappend(found, (char *) resources[j].kind);
	}
	return found;
}

/* One that is in no list, or not any more, is a kind of its own. */
List *
resource_kinds_taken(const Appointment *appointment)
{
	const ResourceKinds *kinds;
	const ResourceNeed *need;
	List *found;

	if (!kinds_matter())
		return NIL;
	kinds = kinds_read(NO_CLOCK);
	if (appointment->has_resource)
	{
		found = kinds_of(kinds, &appointment->resource);
		return found != NIL ? found
							: list_make1(DatumGetCString(
								  DirectFunctionCall1(uuid_out, UUIDPGetDatum(&appointment->resource))));
	}
	need = need_of(kinds, appointment);
	return need == NULL ? NIL : kinds_beside(kinds, need->kind);
}

void
resource_days_taken(const Appointment *appointment, int64 *first, int64 *last)
{
	*first = utc_day_of(appointment->at.start - AROUND);
	*last = utc_day_of(appointment->at.end + AROUND - 1);
}

/* ---- others ---- */

static Taking
taking_of(const Appointment *appointment)
{
	return (Taking){.stylist = appointment->stylist,
					.service = appointment->service,
					.resource = appointment->resource,
					.at = appointment->at,
					.expires = appointment->expires,
					.has_resource = appointment->has_resource,
					.is_hold = appointment->is_hold};
}

static void
drop_one(Takings *takings, const Taking *taking)
{
	StaticAssertStmt(sizeof(Taking) == 80, "equal ones are the same bytes");
	for (int i = 0; i < takings->n; i++)
	{
		if (memcmp(&takings->takings[i], taking, sizeof(*taking)) != 0)
			continue;
		takings_drop(takings, i);
		return;
	}
}

static void
drop_own(Takings *takings, const Appointment *appointment)
{
	Taking own = taking_of(appointment);

	drop_one(takings, &own);
}

/* Of a kind, during some time, without the appointment and those that share with it. */
static Takings
others_of(const Appointment *appointment, const DayRules *rules, const ResourceKinds *kinds, const char *kind,
		  SlotInterval during, bool is_there)
{
	Takings others = takings_of_kind(kinds, kind, during, rules, cache_now());

	if (is_there)
		drop_own(&others, appointment);
	takings_drop_shared(&others, need_of(kinds, appointment), &appointment->stylist);
	return others;
}

static bool
leaves_one(const Takings *takings, const ResourceKinds *kinds, const char *kind, SlotInterval during)
{
	Resources resources;

	takings_count(takings, kinds, kind, &resources);
	resources_prepare(&resources);
	return resources_left(&resources, during.start, during.end);
}

static void
add_taking(Takings *takings, const Appointment *appointment)
{
	takings->takings = takings->takings == NULL
						   ? palloc(sizeof(Taking))
						   : repalloc(takings->takings, (takings->n + 1) * sizeof(Taking));
	takings->takings[takings->n++] = taking_of(appointment);
}

/* One that names no resource, with those that it shares one with. */
static void
drop_other(Takings *takings, const Taking *other, const ResourceKinds *kinds)
{
	const ResourceNeed *need = kinds_need_of(kinds, &other->service);

	takings_drop_shared(takings, need, &other->stylist);
	drop_one(takings, other);
}

/*
 * Whether one that names no resource could still have one beside the appointment,
 * which is there or not yet.
 */
static bool
still_fits(const Taking *other, const Appointment *appointment, const DayRules *rules,
		   const ResourceKinds *kinds, const char *kind, bool is_there)
{
	Takings takings;
	int64 first;
	int64 last;

	resource_days_taken(appointment, &first, &last);
	if (other->at.start == DT_NOBEGIN || other->at.end == DT_NOEND || utc_day_of(other->at.start) < first ||
		utc_day_of(other->at.end - 1) > last)
		return false;
	takings = takings_of_kind(kinds, kind, other->at, rules, cache_now());
	if (is_there)
		drop_own(&takings, appointment);
	drop_other(&takings, other, kinds);
	add_taking(&takings, appointment);
	return leaves_one(&takings, kinds, kind, other->at);
}

/* Of one of the kinds of the resource that it names. */
static bool
fits_named(const Appointment *appointment, const DayRules *rules, const ResourceKinds *kinds,
		   const char *kind, bool is_there)
{
	Takings others = others_of(appointment, rules, kinds, kind, appointment->at, is_there);

	for (int i = 0; i < others.n; i++)
	{
		const Taking *other = &others.takings[i];

		CHECK_FOR_INTERRUPTS();
		if (other->has_resource ? uuid_order(&other->resource, &appointment->resource) == 0
								: !still_fits(other, appointment, rules, kinds, kind, is_there))
			return false;
	}
	return true;
}

/* Of one that is in no list: nobody else names it. */
static bool
fits_unlisted(const Appointment *appointment, const DayRules *rules, const ResourceKinds *kinds,
			  bool is_there)
{
	Takings others = takings_read(&appointment->resource, 1, NULL, 0, appointment->at, rules, cache_now());

	if (is_there)
		drop_own(&others, appointment);
	takings_drop_shared(&others, need_of(kinds, appointment), &appointment->stylist);
	return others.n == 0;
}

bool
resource_fits(const Appointment *appointment, const DayRules *rules, bool is_there, bool must_suit)
{
	const ResourceKinds *kinds;
	const ResourceNeed *need;
	List *of_named;
	bool suits;
	ListCell *cell;

	if (!kinds_matter())
		return true;
	kinds = kinds_read(NO_CLOCK);
	need = need_of(kinds, appointment);
	if (!appointment->has_resource)
	{
		Takings others;

		if (need == NULL)
			return true;
		others = others_of(appointment, rules, kinds, need->kind, appointment->at, is_there);
		return leaves_one(&others, kinds, need->kind, appointment->at);
	}
	of_named = kinds_of(kinds, &appointment->resource);
	if (of_named == NIL && !fits_unlisted(appointment, rules, kinds, is_there))
		return false;
	suits = need == NULL || !must_suit;
	foreach(cell, of_named)
	{
		suits = suits || strcmp(lfirst(cell), need->kind) == 0;
		if (!fits_named(appointment, rules, kinds, lfirst(cell), is_there))
			return false;
	}
	return suits;
}

void
resource_give(Appointment *appointment, const DayRules *rules)
{
	const ResourceKinds *kinds;
	const ResourceNeed *need;
	const pg_uuid_t *resources;
	int n;

	if (!kinds_matter() || appointment->has_resource)
		return;
	kinds = kinds_read(NO_CLOCK);
	need = need_of(kinds, appointment);
	if (need == NULL)
		return;
	resources = kinds_resources(kinds, need->kind, &n);
	appointment->has_resource = true;
	for (int i = 0; i < n; i++)
	{
		appointment->resource = resources[i];
		if (resource_fits(appointment, rules, false, true))
			return;
	}
	appointment->has_resource = false;
	memset(&appointment->resource, 0, sizeof(pg_uuid_t));
}
