"""psycopg 3 (Debian: python3-psycopg). Run: python3 psycopg3.py STYLIST SERVICE DAY, with PGHOST and the like; it checks what it says."""

import os
import sys
from datetime import date, datetime, timedelta, timezone
from uuid import UUID

import psycopg

stylist, service, day = UUID(sys.argv[1]), UUID(sys.argv[2]), date.fromisoformat(sys.argv[3])
zone = "Asia/Kathmandu"

# A statement that comes again is prepared the sixth time; behind PgBouncer in transaction mode it must not be.
conn = psycopg.connect("", autocommit=True, prepare_threshold=None if os.environ.get("POOLED") else 5)
asked = "SELECT get_available_slots_json(%s, %s, %s, %s)"


def slots(when, who=stylist, binary=False):
    """The answer as a dict; json and jsonb arrive parsed, as text and in binary."""
    return conn.execute(asked, (who, service, when, zone), binary=binary).fetchone()[0]


# Each type goes as itself: UUID, date, str. Text for all of them does too, since psycopg sends str without a type.
answer = slots(day)
assert answer["success"] and answer["slots"][0]["slot_start_local"] == f"{day}T08:00:00"
assert slots(str(day), str(stylist))["slots"] == answer["slots"] == slots(day, binary=True)["slots"]

# A datetime is a timestamp, and there is no function of that: 42883. Say .date(), in the stylist's zone.
for moment in (datetime(day.year, day.month, day.day), datetime(day.year, day.month, day.day, tzinfo=timezone.utc)):
    try:
        slots(moment)
        raise SystemExit("a datetime was taken for a date")
    except psycopg.errors.UndefinedFunction as error:
        assert error.sqlstate == "42883"

# Rows, as text and in binary: timestamptz is aware and in the session's zone, timestamp is naive; both are right. Compare only the aware ones with now.
for binary in (False, True):
    row = conn.execute("SELECT * FROM get_available_slots(%s, %s, %s, %s)", (stylist, service, day, zone), binary=binary).fetchone()
    assert row[0] == datetime.fromisoformat(answer["slots"][0]["slot_start_utc"]) and row[0].tzinfo is not None
    assert row[2] == datetime(day.year, day.month, day.day, 8) and row[2].tzinfo is None

# Nothing is raised for a stylist that is not there: look at success. get_available_slots, of rows, raises P0002.
none = slots(day, service)
assert not none["success"] and none["code"] == "STYLIST_NOT_FOUND"

# A month in one round trip. What is not there does not end the pipeline, as an error would.
with conn.pipeline():
    cursors = [conn.execute(asked, (stylist if n != 7 else service, service, day + timedelta(n), zone)) for n in range(30)]
answers = [cursor.fetchone()[0] for cursor in cursors]
assert [n for n, a in enumerate(answers) if not a["success"]] == [7]

conn.close()
print(f"{len(answer['slots'])} slots on {day}")
