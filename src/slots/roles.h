/*
 * roles.h
 *		What an attached table can be, and the columns that it is asked for.
 */
#ifndef AC_SLOTS_ROLES_H
#define AC_SLOTS_ROLES_H

typedef enum SourceRole
{
	SOURCE_BOOKINGS,
	SOURCE_RESERVATIONS,
	SOURCE_SCHEDULES,
	SOURCE_OVERRIDES,
	SOURCE_STYLIST_SERVICES,
	SOURCE_SERVICES,
	SOURCE_PROFILES,
	SOURCE_RESOURCES,
	SOURCE_CLASSES,
	SOURCE_RULES, /* availability_cache.rules, always there */
	SOURCE_NROLES
} SourceRole;

/* The kinds of columns, as source_column calls them. */
typedef enum ColumnKind
{
	COLUMN_UUID,
	COLUMN_TIMESTAMPTZ,
	COLUMN_TEXT,
	COLUMN_BOOLEAN,
	COLUMN_TIME,
	COLUMN_DATE,
	COLUMN_INTEGER,
	COLUMN_SPAN
} ColumnKind;

typedef struct RoleColumn
{
	const char *name; /* NULL: no more columns */
	ColumnKind kind;
	bool required;
} RoleColumn;

#define MAX_ROLE_COLUMNS 23

typedef struct RoleInfo
{
	const char *name;
	bool required;
	/* In the order of source_column and of a trigger's arguments, which never changes: new ones come last. */
	RoleColumn columns[MAX_ROLE_COLUMNS + 1];
} RoleInfo;

extern const RoleInfo source_roles[SOURCE_NROLES];

/* Places of columns among those of their role. */
enum
{
	BOOKING_STYLIST,
	BOOKING_START,
	BOOKING_END,
	BOOKING_STATUS,
	BOOKING_SERVICE,
	BOOKING_SEATS,
	BOOKING_RESOURCE
};
enum
{
	HOLD_STYLIST,
	HOLD_START,
	HOLD_END,
	HOLD_STATUS,
	HOLD_EXPIRES,
	HOLD_SERVICE,
	HOLD_SEATS,
	HOLD_RESOURCE
};
enum
{
	SCHEDULE_STYLIST,
	SCHEDULE_DAY,
	SCHEDULE_OPENS,
	SCHEDULE_CLOSES,
	SCHEDULE_BREAK_START,
	SCHEDULE_BREAK_END,
	SCHEDULE_ACTIVE,
	SCHEDULE_FROM,
	SCHEDULE_UNTIL,
	SCHEDULE_SERVICE,
	SCHEDULE_WEEKS,
	SCHEDULE_WEEKS_FROM
};
enum
{
	OVERRIDE_STYLIST,
	OVERRIDE_FIRST,
	OVERRIDE_LAST,
	OVERRIDE_CLOSED,
	OVERRIDE_OPENS,
	OVERRIDE_CLOSES,
	OVERRIDE_PRIORITY,
	OVERRIDE_ACTIVE,
	OVERRIDE_CREATED,
	OVERRIDE_TO_ALL,
	OVERRIDE_ZONE
};
enum
{
	OFFER_STYLIST,
	OFFER_SERVICE,
	OFFER_DURATION,
	OFFER_PRICE,
	OFFER_ACTIVE,
	OFFER_CAPACITY
};
enum
{
	SERVICE_ID,
	SERVICE_DURATION,
	SERVICE_PRICE,
	SERVICE_ACTIVE,
	SERVICE_BUFFER_BEFORE,
	SERVICE_BUFFER_AFTER,
	SERVICE_NOTICE,
	SERVICE_HORIZON,
	SERVICE_CAPACITY,
	SERVICE_CAPS,					 /* as many as there are kinds */
	SERVICE_STEP = SERVICE_CAPS + 5, /* behind the kind of resource */
	SERVICE_ALIGNMENT,
	SERVICE_ONLY_CLASSES
};
enum
{
	PROFILE_ID,
	PROFILE_ZONE,
	PROFILE_ACTIVE,
	PROFILE_LIMITS,					  /* four */
	PROFILE_CAPS = PROFILE_LIMITS + 4 /* as many as there are kinds */
};
#define PROFILE_NLIMITS 4

enum
{
	CLASS_STYLIST,
	CLASS_START,
	CLASS_END,
	CLASS_SERVICE,
	CLASS_SEATS,
	CLASS_STATUS,
	CLASS_ACTIVE
};

/* The kinds of caps, in the order of columns. */
typedef enum CapKind
{
	CAP_BOOKINGS_OF_DAY,
	CAP_BOOKINGS_OF_WEEK,
	CAP_TIME_OF_DAY,
	CAP_TIME_OF_WEEK,
	CAP_NKINDS
} CapKind;

static inline bool
cap_is_of_time(CapKind kind)
{
	return kind >= CAP_TIME_OF_DAY;
}

static inline bool
cap_is_of_week(CapKind kind)
{
	return kind == CAP_BOOKINGS_OF_WEEK || kind == CAP_TIME_OF_WEEK;
}

/* SOURCE_NROLES: none is called so. */
extern SourceRole role_by_name(const char *name);
/* Whether a column of this type, which is no domain, can serve. */
extern bool column_kind_fits(ColumnKind kind, Oid type);

#endif /* AC_SLOTS_ROLES_H */
