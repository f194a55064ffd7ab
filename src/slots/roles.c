/*
 * roles.c
 *		What an attached table can be, and the columns that it is asked for.
 *
 * availability_cache.source_column says the same to people and to attach().
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/lsyscache.h"

#include "slots/roles.h"

const RoleInfo source_roles[SOURCE_NROLES] = {
	[SOURCE_BOOKINGS] = {"bookings",
						 true,
						 {{"stylist_user_id", COLUMN_UUID, true},
						  {"start_time", COLUMN_TIMESTAMPTZ, true},
						  {"end_time", COLUMN_TIMESTAMPTZ, true},
						  {"status", COLUMN_TEXT},
						  {"service_id", COLUMN_UUID},
						  {"seats", COLUMN_INTEGER},
						  {"resource_id", COLUMN_UUID}}},
	[SOURCE_RESERVATIONS] = {"booking_reservations",
							 false,
							 {{"stylist_user_id", COLUMN_UUID, true},
							  {"start_time", COLUMN_TIMESTAMPTZ, true},
							  {"end_time", COLUMN_TIMESTAMPTZ, true},
							  {"status", COLUMN_TEXT},
							  {"expires_at", COLUMN_TIMESTAMPTZ},
							  {"service_id", COLUMN_UUID},
							  {"seats", COLUMN_INTEGER},
							  {"resource_id", COLUMN_UUID}}},
	[SOURCE_SCHEDULES] = {"stylist_schedules",
						  true,
						  {{"stylist_user_id", COLUMN_UUID, true},
						   {"day_of_week", COLUMN_INTEGER, true},
						   {"start_time", COLUMN_TIME, true},
						   {"end_time", COLUMN_TIME, true},
						   {"break_start_time", COLUMN_TIME},
						   {"break_end_time", COLUMN_TIME},
						   {"is_active", COLUMN_BOOLEAN},
						   {"effective_from", COLUMN_DATE},
						   {"effective_until", COLUMN_DATE},
						   {"service_id", COLUMN_UUID},
						   {"interval_weeks", COLUMN_INTEGER},
						   {"interval_from", COLUMN_DATE}}},
	[SOURCE_OVERRIDES] = {"schedule_overrides",
						  false,
						  {{"stylist_user_id", COLUMN_UUID, true},
						   {"override_date", COLUMN_DATE, true},
						   {"end_date", COLUMN_DATE},
						   {"is_closed", COLUMN_BOOLEAN},
						   {"start_time", COLUMN_TIME},
						   {"end_time", COLUMN_TIME},
						   {"priority", COLUMN_INTEGER},
						   {"is_active", COLUMN_BOOLEAN},
						   {"created_at", COLUMN_TIMESTAMPTZ},
						   {"applies_to_all", COLUMN_BOOLEAN},
						   {"timezone", COLUMN_TEXT}}},
	[SOURCE_STYLIST_SERVICES] = {"stylist_services",
								 true,
								 {{"stylist_user_id", COLUMN_UUID, true},
								  {"service_id", COLUMN_UUID, true},
								  {"custom_duration_minutes", COLUMN_SPAN},
								  {"custom_price_cents", COLUMN_INTEGER},
								  {"is_active", COLUMN_BOOLEAN},
								  {"capacity", COLUMN_INTEGER}}},
	[SOURCE_SERVICES] = {"services",
						 true,
						 {{"id", COLUMN_UUID, true},
						  {"duration_minutes", COLUMN_SPAN, true},
						  {"price_cents", COLUMN_INTEGER},
						  {"is_active", COLUMN_BOOLEAN},
						  {"buffer_before_minutes", COLUMN_SPAN},
						  {"buffer_after_minutes", COLUMN_SPAN},
						  {"min_notice_minutes", COLUMN_SPAN},
						  {"max_advance_days", COLUMN_SPAN},
						  {"capacity", COLUMN_INTEGER},
						  {"max_bookings_per_day", COLUMN_INTEGER},
						  {"max_bookings_per_week", COLUMN_INTEGER},
						  {"max_daily_minutes", COLUMN_SPAN},
						  {"max_weekly_minutes", COLUMN_SPAN},
						  {"resource_kind", COLUMN_TEXT},
						  {"slot_step_minutes", COLUMN_SPAN},
						  {"slot_alignment", COLUMN_TEXT},
						  {"only_classes", COLUMN_BOOLEAN}}},
	[SOURCE_PROFILES] = {"stylist_profiles",
						 false,
						 {{"user_id", COLUMN_UUID, true},
						  {"timezone", COLUMN_TEXT},
						  {"is_active", COLUMN_BOOLEAN},
						  {"buffer_before_minutes", COLUMN_SPAN},
						  {"buffer_after_minutes", COLUMN_SPAN},
						  {"min_notice_minutes", COLUMN_SPAN},
						  {"max_advance_days", COLUMN_SPAN},
						  {"max_bookings_per_day", COLUMN_INTEGER},
						  {"max_bookings_per_week", COLUMN_INTEGER},
						  {"max_daily_minutes", COLUMN_SPAN},
						  {"max_weekly_minutes", COLUMN_SPAN}}},
	[SOURCE_RESOURCES] = {"resources",
						  false,
						  {{"id", COLUMN_UUID, true},
						   {"kind", COLUMN_TEXT, true},
						   {"is_active", COLUMN_BOOLEAN}}},
	[SOURCE_CLASSES] = {"class_sessions",
						false,
						{{"stylist_user_id", COLUMN_UUID, true},
						 {"start_time", COLUMN_TIMESTAMPTZ, true},
						 {"end_time", COLUMN_TIMESTAMPTZ, true},
						 {"service_id", COLUMN_UUID, true},
						 {"seats", COLUMN_INTEGER},
						 {"status", COLUMN_TEXT},
						 {"is_active", COLUMN_BOOLEAN}}},
	[SOURCE_RULES] = {"rules", true},
};

SourceRole
role_by_name(const char *name)
{
	int role = 0;

	while (role < SOURCE_NROLES && strcmp(source_roles[role].name, name) != 0)
		role++;
	return role;
}

bool
column_kind_fits(ColumnKind kind, Oid type)
{
	switch (kind)
	{
		case COLUMN_UUID:
			return type == UUIDOID;
		case COLUMN_TIMESTAMPTZ:
			return type == TIMESTAMPTZOID;
		case COLUMN_TEXT:
			return type == TEXTOID || type == VARCHAROID || type == BPCHAROID || type_is_enum(type);
		case COLUMN_BOOLEAN:
			return type == BOOLOID;
		case COLUMN_TIME:
			return type == TIMEOID;
		case COLUMN_DATE:
			return type == DATEOID;
		case COLUMN_SPAN:
			if (type == INTERVALOID)
				return true;
			/* FALLTHROUGH */
		case COLUMN_INTEGER:
			return type == INT2OID || type == INT4OID || type == INT8OID;
	}
	return false;
}
