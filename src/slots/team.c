/*
 * team.c
 *		Who offers a service, and a booking that is to be left out.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/qunique.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"

#include "base/as_user.h"
#include "cache/cells.h"
#include "slots/buffers.h"
#include "slots/kinds.h"
#include "slots/queries.h"
#include "slots/result.h"
#include "slots/sources.h"
#include "slots/team.h"

static int
connect(void)
{
	int settings = guard_settings();

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	sources_load();
	return settings;
}

static void
disconnect(int settings)
{
	SPI_finish();
	restore_settings(settings);
}

int
team_read(const pg_uuid_t *service, pg_uuid_t *stylists, int max)
{
	int settings = connect();
	Datum args[] = {UUIDPGetDatum(service), Int64GetDatum(max)};
	int n = query_run(QUERY_STYLISTS, NULL, args);

	for (int i = 0; i < n; i++)
	{
		bool isnull;

		stylists[i] = *DatumGetUUIDP(result_datum(i, 1, &isnull));
	}
	disconnect(settings);
	return n;
}

int
team_read_offers(Offer *offers, int max)
{
	int settings = connect();
	Datum args[] = {Int64GetDatum(max)};
	int n = query_run(QUERY_OFFERS, NULL, args);

	for (int i = 0; i < n; i++)
	{
		bool isnull;

		offers[i].stylist = *DatumGetUUIDP(result_datum(i, 1, &isnull));
		offers[i].service = *DatumGetUUIDP(result_datum(i, 2, &isnull));
	}
	disconnect(settings);
	return n;
}

/* ---- buffers ---- */

/* Those of one stylist; who does not offer the first service has none. */
static void
read_buffers(const pg_uuid_t *stylist, const pg_uuid_t *services, int n, SlotBuffers *buffers)
{
	pg_uuid_t *sorted = palloc(n * sizeof(pg_uuid_t));
	SlotBuffers *of_sorted = palloc0(n * sizeof(SlotBuffers));
	SlotBuffers otherwise = {0, 0};
	DayRules rules;
	int nsorted;

	for (int i = 0; i < n; i++)
	{
		if (rules_read(stylist, &services[i], NO_CLOCK, &rules) != DAY_OK)
			continue;
		otherwise = rules_buffers(&rules);
		break;
	}
	memcpy(sorted, services, n * sizeof(pg_uuid_t));
	qsort(sorted, n, sizeof(pg_uuid_t), uuid_order);
	nsorted = qunique(sorted, n, sizeof(pg_uuid_t), uuid_order);
	buffers_of(sorted, nsorted, NO_CLOCK, otherwise, of_sorted);
	for (int i = 0; i < n; i++)
	{
		pg_uuid_t *found = bsearch(&services[i], sorted, nsorted, sizeof(pg_uuid_t), uuid_order);

		buffers[i] = of_sorted[found - sorted];
	}
}

void
team_read_buffers(const pg_uuid_t *stylists, int nstylists, const pg_uuid_t *services, int nservices,
				  SlotBuffers *buffers)
{
	int settings = connect();

	for (int s = 0; s < nstylists; s++)
	{
		CHECK_FOR_INTERRUPTS();
		read_buffers(&stylists[s], services, nservices, &buffers[s * nservices]);
	}
	disconnect(settings);
}

/* ---- how many bookings ---- */

static Datum
uuid_array(const pg_uuid_t *ids, int n)
{
	Datum *values = palloc(n * sizeof(Datum));

	for (int i = 0; i < n; i++)
		values[i] = UUIDPGetDatum(&ids[i]);
	return PointerGetDatum(construct_array(values, n, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR));
}

void
team_count(const pg_uuid_t *stylists, int nstylists, const pg_uuid_t *service, TimestampTz from,
		   TimestampTz until, int64 *counts)
{
	int settings = connect();
	Datum args[] = {uuid_array(stylists, nstylists), TimestampTzGetDatum(from), TimestampTzGetDatum(until)};
	DayRules rules;
	uint64 n = 0;

	memset(counts, 0, nstylists * sizeof(int64));
	if (rules_read(&stylists[0], service, NO_CLOCK, &rules) == DAY_OK)
		n = query_run(QUERY_COUNTS, &rules.blocking, args);
	for (uint64 row = 0; row < n; row++)
	{
		bool isnull;
		pg_uuid_t *stylist = DatumGetUUIDP(result_datum(row, 1, &isnull));

		for (int s = 0; s < nstylists; s++)
		{
			if (memcmp(stylist, &stylists[s], UUID_LEN) == 0)
				counts[s] = result_int64(row, 2, 0);
		}
	}
	disconnect(settings);
}

/* ---- a booking ---- */

/* The table's primary key, if it has one column; else 0. */
static AttrNumber
key_column(Oid relid)
{
	Relation rel = table_open(relid, AccessShareLock);
	Bitmapset *columns = RelationGetIndexAttrBitmap(rel, INDEX_ATTR_BITMAP_PRIMARY_KEY);
	int member;
	AttrNumber result = 0;

	if (bms_get_singleton_member(columns, &member))
		result = member + FirstLowInvalidHeapAttributeNumber;
	table_close(rel, AccessShareLock);
	return result;
}

static const char *
quoted_column(const char *name, const char *otherwise)
{
	const SourceColumn *column = source_column(SOURCE_BOOKINGS, name);

	return column == NULL ? otherwise : column->quoted;
}

static void
read_by_key(AttrNumber key, const char *value)
{
	Oid relid = source_relid(SOURCE_BOOKINGS);
	Oid types[] = {TEXTOID};
	Datum args[] = {CStringGetTextDatum(value)};
	StringInfoData text;
	SavedUser saved;
	int result;
	Oid type;
	int32 typmod;
	Oid collation;

	get_atttypetypmodcoll(relid, key, &type, &typmod, &collation);
	initStringInfo(&text);
	appendStringInfo(&text, "SELECT %s, %s, %s, %s, %s::pg_catalog.int8, %s FROM %s WHERE %s = $1::%s",
					 quoted_column("stylist_user_id", NULL), quoted_column("start_time", NULL),
					 quoted_column("end_time", NULL), quoted_column("service_id", "NULL::pg_catalog.uuid"),
					 quoted_column("seats", "1"), quoted_column("resource_id", "NULL::pg_catalog.uuid"),
					 source_name(SOURCE_BOOKINGS), quote_identifier(get_attname(relid, key, false)),
					 format_type_be_qualified(type));
	saved = switch_user(source_owner(SOURCE_BOOKINGS));
	result = SPI_execute_with_args(text.data, 1, types, args, NULL, true, 1);
	restore_user(saved);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "could not read a booking: %s", SPI_result_code_string(result));
	result_use_spi();
}

static bool
take_booking(BookingTaken *booking)
{
	bool no_stylist;
	bool no_start;
	bool no_end;
	bool no_service;
	bool no_resource;
	Datum stylist = result_datum(0, 1, &no_stylist);
	Datum start = result_datum(0, 2, &no_start);
	Datum end = result_datum(0, 3, &no_end);
	Datum service = result_datum(0, 4, &no_service);
	Datum resource = result_datum(0, 6, &no_resource);

	if (no_stylist || no_start || no_end)
		return false;
	*booking = (BookingTaken){.stylist = *DatumGetUUIDP(stylist),
							  .at = {DatumGetTimestampTz(start), DatumGetTimestampTz(end)},
							  .has_service = !no_service,
							  .seats = result_int64(0, 5, 1),
							  .takes_resource = kinds_matter() && !(no_resource && no_service),
							  .has_resource = !no_resource};
	if (!no_service)
		booking->service = *DatumGetUUIDP(service);
	if (!no_resource)
		booking->resource = *DatumGetUUIDP(resource);
	return booking->at.end > booking->at.start;
}

bool
team_read_booking(const char *key, BookingTaken *booking, const char **problem)
{
	int settings = connect();
	AttrNumber column = key_column(source_relid(SOURCE_BOOKINGS));
	bool found = false;

	if (column == 0)
		*problem = "the table of the bookings has no primary key of one column";
	else
	{
		read_by_key(column, key);
		found = SPI_processed > 0 && take_booking(booking);
	}
	disconnect(settings);
	return found;
}
