/*
 * range_own.c
 *		A day by the function that rules.compute_function names, as part of a range.
 *
 * Its rows may have any columns; a range needs slot_start_utc and
 * slot_end_utc.  A slot can be booked if is_available says so, else if status
 * is 'available'; with neither column each can.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "base/guard.h"
#include "entry/range_own.h"
#include "slots/zone.h"

/* What runs guarded. */
typedef struct Adding
{
	RangeSet *set;
	int stylist;
	OwnDay *day;
	Jsonb *answer;
} Adding;

static JsonbValue *
value_of(JsonbContainer *object, const char *key, JsonbValue *room)
{
	JsonbValue *value = getKeyJsonValueFromContainer(object, key, strlen(key), room);

	return value == NULL || value->type == jbvNull ? NULL : value;
}

static char *
text_of(JsonbContainer *object, const char *key)
{
	JsonbValue room;
	JsonbValue *value = value_of(object, key, &room);

	return value == NULL || value->type != jbvString ? NULL
													 : pnstrdup(value->val.string.val, value->val.string.len);
}

static TimestampTz
time_of(JsonbContainer *object, const char *key)
{
	/* A single column's rows are no objects. */
	char *text = object == NULL ? NULL : text_of(object, key);

	if (text == NULL)
		ereport(
			ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("a row of the function that availability_cache.rules names as compute_function has no %s",
				   key),
			errhint("Ranges need slot_start_utc and slot_end_utc."));
	return DatumGetTimestampTz(DirectFunctionCall3(timestamptz_in, CStringGetDatum(text),
												   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

/* What its status says: only the names that are ours say why. */
static SlotReason
reason_of(JsonbContainer *slot)
{
	static const SlotReason reasons[SLOT_NSTATUSES] = {[SLOT_AVAILABLE] = WHY_NONE,
													   [SLOT_BOOKED] = WHY_BOOKED,
													   [SLOT_RESERVED] = WHY_HELD,
													   [SLOT_IN_BREAK] = WHY_ON_BREAK,
													   [SLOT_UNAVAILABLE] = WHY_CLOSED};
	JsonbValue room;
	JsonbValue *available = value_of(slot, "is_available", &room);
	char *status = text_of(slot, "status");

	for (int s = 0; status != NULL && available == NULL && s < SLOT_NSTATUSES; s++)
	{
		if (strcmp(slot_status_names[s], status) == 0)
			return reasons[s];
	}
	if (available != NULL)
		return available->type == jbvBool && available->val.boolean ? WHY_NONE : WHY_CLOSED;
	return status == NULL ? WHY_NONE : WHY_CLOSED;
}

static int64
price_of(JsonbContainer *slot)
{
	JsonbValue room;
	JsonbValue *price = value_of(slot, "price_cents", &room);

	if (price == NULL || price->type != jbvNumeric)
		return RANGE_NO_PRICE;
	return DatumGetInt64(DirectFunctionCall1(numeric_int8, NumericGetDatum(price->val.numeric)));
}

static void
add_slot(const Adding *a, JsonbContainer *slot, pg_tz *zone)
{
	TimestampTz start = time_of(slot, "slot_start_utc");
	TimestampTz end = time_of(slot, "slot_end_utc");
	TimestampTz unused;
	SlotView view = {.start_utc = start / USECS_PER_SEC,
					 .end_utc = end / USECS_PER_SEC,
					 .display = text_of(slot, "slot_display"),
					 .reason = reason_of(slot),
					 .seats = -1};

	if (TIMESTAMP_NOT_FINITE(start) || TIMESTAMP_NOT_FINITE(end))
		return;
	view.start_local = view.start_utc + zone_offset(zone, start, &unused);
	view.end_local = view.end_utc + zone_offset(zone, end, &unused);
	view.display_size = view.display == NULL ? 0 : Min(strlen(view.display), PG_INT16_MAX);
	range_add(a->set, a->stylist, &view, price_of(slot));
}

static pg_tz *
find_zone(const OwnDay *day)
{
	const char *name = day->zone != NULL ? text_to_cstring(day->zone) : own_rules_default_zone();
	pg_tz *zone = zone_find(name, strlen(name));

	if (zone == NULL)
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("the time zone \"%s\" is not known", name),
				errhint("Set availability_cache.rules.default_timezone."));
	return zone;
}

static void
add_slots(void *arg)
{
	Adding *a = arg;
	pg_tz *zone = find_zone(a->day);
	JsonbValue room;
	JsonbValue *slots = value_of(&a->answer->root, "slots", &room);

	a->day->computed_at = time_of(&a->answer->root, "computed_at");
	for (uint32 i = 0; i < JsonContainerSize(slots->val.binary.data); i++)
	{
		JsonbValue *slot = getIthJsonbValueFromContainer(slots->val.binary.data, i);

		add_slot(a, slot->type == jbvBinary ? slot->val.binary.data : NULL, zone);
	}
}

static void
fail(OwnDay *day, const char *code, const char *message)
{
	day->code = code;
	day->message = message;
}

void
range_own_add(RangeSet *set, int stylist, OwnDay *day)
{
	Adding adding = {set, stylist, day, NULL};
	OwnAnswer answer;
	ErrorData *error;
	FmgrInfo info = {.fn_mcxt = CurrentMemoryContext};
	LOCAL_FCINFO(fcinfo, 4);

	InitFunctionCallInfoData(*fcinfo, &info, 4, day->collation, NULL, NULL);
	fcinfo->args[0] = (NullableDatum){UUIDPGetDatum(&day->stylist), false};
	fcinfo->args[1] = (NullableDatum){UUIDPGetDatum(&day->service), false};
	fcinfo->args[2] = (NullableDatum){DateADTGetDatum(day->date), false};
	fcinfo->args[3] = (NullableDatum){PointerGetDatum(day->zone), day->zone == NULL};
	day->code = NULL;
	if (!own_rules_answer(fcinfo, day->name, COMPUTE_JSONB, &answer))
	{
		fail(day, "INTERNAL_ERROR", "the rules changed while they were read");
		return;
	}
	if (answer.code != NULL)
	{
		fail(day, answer.code, answer.message);
		return;
	}
	day->hit = answer.hit;
	day->varies = answer.varies;
	day->valid_until = answer.valid_until;
	adding.answer = DatumGetJsonbP(answer.value);
	error = guarded(add_slots, &adding);
	if (error == NULL)
		return;
	ereport(LOG_SERVER_ONLY, errcode(error->sqlerrcode),
			errmsg("%s could not compute: %s", day->name, error->message),
			error->hint ? errhint("%s", error->hint) : 0);
	fail(day, "INTERNAL_ERROR",
		 error->sqlerrcode == ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE
			 ? error->message
			 : "availability could not be computed");
}
