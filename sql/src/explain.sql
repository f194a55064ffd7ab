-- ---------------------------------------------------------------------------
-- Why a moment can be booked, or cannot. The update script has this file too.
-- ---------------------------------------------------------------------------

CREATE FUNCTION availability_cache_internal.explain(
    stylist uuid, service uuid, start timestamptz,
    OUT code text, OUT status text, OUT reason text, OUT rule integer, OUT day date, OUT slot_end timestamptz,
    OUT seats_left integer, OUT role text, OUT "row" text)
AS 'MODULE_PATHNAME', 'availability_cache_explain'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION availability_cache_internal.explain(uuid, uuid, timestamptz) IS
'Internal, of explain_slot(): code is an error''s, or else NULL; day the date in the stylist''s time zone; '
'role and row what decides and where it is, row as jsonb''s text and NULL where the caller may not read it.';

CREATE FUNCTION availability_cache.explain_slot(p_stylist_id uuid, p_service_id uuid, p_start timestamptz)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT CASE WHEN e.code IS NOT NULL
                THEN jsonb_build_object('success', false, 'code', e.code,
                                        'error', CASE e.code WHEN 'STYLIST_NOT_FOUND'
                                            THEN 'the stylist is not known or not active'
                                                             WHEN 'SERVICE_NOT_OFFERED'
                                                                 THEN 'the stylist does not offer the '
                                                                      'service, or one of them is not active'
                                                             ELSE 'stylist, service and start must be given, '
                                                                  'the start between 1900 and 9998' END)
                ELSE jsonb_build_object('success', true, 'available', e.reason IS NULL, 'status', e.status,
                                        'reason', e.reason, 'rule', e.rule,
                                        'date', e.day, 'slot_start', p_start, 'slot_end', e.slot_end)
                     || CASE WHEN e.seats_left IS NOT NULL THEN jsonb_build_object('seats_left', e.seats_left)
                         ELSE '{}' END
                     || CASE WHEN e.role IS NOT NULL THEN jsonb_build_object('role', e.role) ELSE '{}' END
                     || CASE WHEN e."row" IS NOT NULL THEN jsonb_build_object('row', e."row"::jsonb)
                         ELSE '{}' END
                     || CASE WHEN e.reason = 'no_hours'
                         THEN coalesce(availability_cache_internal.schedule_passed_over(p_stylist_id), '{}')
                         ELSE '{}' END END
      FROM availability_cache_internal.explain(p_stylist_id, p_service_id, p_start) e;
END;
COMMENT ON FUNCTION availability_cache.explain_slot(uuid, uuid, timestamptz) IS
'Whether a slot of the stylist for the service can start then, by the built-in rules, and which rule '
'decides: {success, available, status, reason, rule (its number in docs/rules.md), date (in the stylist''s '
'time zone), slot_start, slot_end, seats_left, role (of the attached table whose row decides), row (that '
'row, only for who may read it), passed_over (without hours: a row of the stylist''s schedule that counts '
'for nothing, and why, only for who may read it)}. Reasons besides those of slots and days: outside_hours, '
'off_grid. Or '
'{success: false, error, code} with the codes of get_available_slots_v2; 55000 tables not attached.';
