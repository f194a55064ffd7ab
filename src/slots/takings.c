/*
 * takings.c
 *		Bookings and holds that take a resource, whosever they are.
 *
 * docs/rules.md says which do (21).
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/timestamp.h"

#include "slots/buffers.h"
#include "slots/queries.h"
#include "slots/result.h"
#include "slots/sources.h"
#include "slots/takings.h"

static Datum
uuid_array(const pg_uuid_t *ids, int n)
{
	Datum *values = palloc(Max(n, 1) * sizeof(Datum));

	for (int i = 0; i < n; i++)
		values[i] = UUIDPGetDatum(&ids[i]);
	return PointerGetDatum(construct_array(values, n, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR));
}

static bool
take_uuid(uint64 row, int column, pg_uuid_t *id)
{
	bool isnull;
	Datum value = result_datum(row, column, &isnull);

	if (!isnull)
		*id = *DatumGetUUIDP(value);
	return !isnull;
}

static void
add_rows(Takings *takings, uint64 n, bool are_holds)
{
	takings->takings = takings->takings == NULL
						   ? palloc(Max(n, 1) * sizeof(Taking))
						   : repalloc(takings->takings, Max(takings->n + n, 1) * sizeof(Taking));
	for (uint64 row = 0; row < n; row++)
	{
		Taking taking = {.is_hold = are_holds ? 1 : 0};
		bool isnull;

		(void) take_uuid(row, 1, &taking.stylist);
		taking.at.start = DatumGetTimestampTz(result_datum(row, 2, &isnull));
		taking.at.end = DatumGetTimestampTz(result_datum(row, 3, &isnull));
		(void) take_uuid(row, 4, &taking.service);
		taking.has_resource = take_uuid(row, 5, &taking.resource);
		taking.expires = are_holds ? result_int64(row, 6, SLOT_NEVER) : SLOT_NEVER;
		takings->takings[takings->n++] = taking;
	}
}

Takings
takings_read(const pg_uuid_t *resources, int nresources, const pg_uuid_t *services, int nservices,
			 SlotInterval during, const DayRules *rules, int64 now)
{
	Datum ids = uuid_array(resources, nresources);
	Datum of = uuid_array(services, nservices);
	Datum from = TimestampTzGetDatum(during.start);
	Datum to = TimestampTzGetDatum(during.end);
	Datum of_bookings[] = {ids, of, from, TimestampTzGetDatum(moment_minus(during.start, USECS_PER_DAY)), to};
	Datum of_holds[] = {ids, of, from, to, TimestampTzGetDatum(now)};
	Takings takings = {NULL, 0};

	add_rows(&takings, query_run(QUERY_TAKINGS, &rules->blocking, of_bookings), false);
	if (source_attached(SOURCE_RESERVATIONS) && source_column(SOURCE_RESERVATIONS, "resource_id") != NULL)
		add_rows(&takings, query_run(QUERY_HELD_TAKINGS, &rules->holding, of_holds), true);
	return takings;
}

Takings
takings_of_kind(const ResourceKinds *kinds, const char *kind, SlotInterval during, const DayRules *rules,
				int64 now)
{
	int nresources;
	int nservices;
	pg_uuid_t *resources = kinds_resources(kinds, kind, &nresources);
	pg_uuid_t *services = kinds_services(kinds, kind, &nservices);

	return takings_read(resources, nresources, services, nservices, during, rules, now);
}

void
takings_drop(Takings *takings, int i)
{
	takings->takings[i] = takings->takings[--takings->n];
}

void
takings_drop_shared(Takings *takings, const ResourceNeed *need, const pg_uuid_t *stylist)
{
	if (need == NULL)
		return;
	for (int i = takings->n - 1; i >= 0; i--)
	{
		const Taking *taking = &takings->takings[i];

		if (uuid_order(&taking->stylist, stylist) == 0 && uuid_order(&taking->service, &need->service) == 0)
			takings_drop(takings, i);
	}
}

/* ---- who takes one together ---- */

static bool
shares_with(const Taking *a, const Taking *b)
{
	return !b->has_resource && a->at.start == b->at.start && uuid_order(&a->stylist, &b->stylist) == 0 &&
		   uuid_order(&a->service, &b->service) == 0;
}

/* One that names no resource: another that it starts with and that comes before it, or its own. */
static int
first_sharer(const Takings *takings, int i)
{
	for (int j = 0; j < i; j++)
	{
		if (shares_with(&takings->takings[i], &takings->takings[j]))
			return j;
	}
	return i;
}

void
takings_count(const Takings *takings, const ResourceKinds *kinds, const char *kind, Resources *resources)
{
	int n;
	const pg_uuid_t *ids = kinds_resources(kinds, kind, &n);

	*resources = (Resources){.needed = true,
							 .n = n,
							 .uses = palloc(Max(takings->n, 1) * sizeof(ResourceUse))};
	for (int i = 0; i < takings->n; i++)
	{
		const Taking *taking = &takings->takings[i];
		const pg_uuid_t *named = bsearch(&taking->resource, ids, n, sizeof(pg_uuid_t), uuid_order);

		if (taking->has_resource && named == NULL)
			continue;
		resources->uses[resources->nuses++] = (ResourceUse){taking->at, taking->expires,
															taking->has_resource
																? named - ids
																: n + first_sharer(takings, i)};
	}
}

/* ---- a day ---- */

static void
leave_out(Takings *takings, const BookingTaken *except)
{
	for (int i = 0; i < takings->n; i++)
	{
		const Taking *taking = &takings->takings[i];

		if (taking->is_hold || taking->at.start != except->at.start || taking->at.end != except->at.end ||
			uuid_order(&taking->stylist, &except->stylist) != 0 ||
			uuid_order(&taking->service, &except->service) != 0 ||
			taking->has_resource != (except->has_resource ? 1 : 0) ||
			(taking->has_resource && uuid_order(&taking->resource, &except->resource) != 0))
			continue;
		takings_drop(takings, i);
		return;
	}
}

const char *
takings_of_day(const pg_uuid_t *stylist, const pg_uuid_t *service, const DayRules *rules,
			   const ResourceKinds *kinds, const BookingTaken *except, SlotInput *input)
{
	const ResourceNeed *need = kinds_need_of(kinds, service);
	SlotInterval during = busy_span(input);
	Takings takings;

	if (need == NULL || during.start > during.end)
		return NULL;
	takings = takings_of_kind(kinds, need->kind, during, rules, input->now);
	if (except != NULL)
		leave_out(&takings, except);
	takings_drop_shared(&takings, need, stylist);
	takings_count(&takings, kinds, need->kind, &input->resources);
	return need->kind;
}
