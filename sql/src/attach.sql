-- ---------------------------------------------------------------------------
-- attach() and detach(), and what they are made of. The update script has this file too.
-- ---------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION availability_cache_internal.trigger_name(role text)
RETURNS name
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 'trigger_invalidate_cache_on_' || CASE role
    WHEN 'bookings' THEN 'booking'
    WHEN 'booking_reservations' THEN 'reservation'
    WHEN 'stylist_schedules' THEN 'schedule'
    WHEN 'schedule_overrides' THEN 'override'
    WHEN 'stylist_services' THEN 'stylist_service'
    WHEN 'services' THEN 'service'
    WHEN 'stylist_profiles' THEN 'profile'
    WHEN 'resources' THEN 'resource'
    WHEN 'class_sessions' THEN 'class'
    ELSE role END;
COMMENT ON FUNCTION availability_cache_internal.trigger_name(text) IS
    'Internal: the name of a role''s row trigger; the TRUNCATE trigger adds _truncate.';

-- As CREATE TRIGGER takes it.
CREATE OR REPLACE FUNCTION availability_cache_internal.trigger_function_name()
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT format('%I.%I', n.nspname, p.proname)
      FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
     WHERE p.oid = availability_cache_internal.trigger_function();
END;
COMMENT ON FUNCTION availability_cache_internal.trigger_function_name() IS
    'Internal: the name of the attached tables'' trigger function, in full.';

-- Whose tables may be attached decides what is answered to all: who may execute the trigger function.
CREATE OR REPLACE FUNCTION availability_cache_internal.may_be_attached(relation regclass)
RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT has_function_privilege(c.relowner, availability_cache_internal.trigger_function(), 'EXECUTE')
      FROM pg_catalog.pg_class c
     WHERE c.oid = may_be_attached.relation;
END;
COMMENT ON FUNCTION availability_cache_internal.may_be_attached(regclass) IS
    'Internal: whether a relation''s owner may attach tables.';

-- The column that a mapping names, or the first usual name the relation has, one that can serve before
-- others; raises when it cannot serve, but for an optional one that nobody named: that one is left out.
CREATE OR REPLACE FUNCTION availability_cache_internal.resolve_column(
    relation regclass, col availability_cache.source_column, given text)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    att record;
    allowed text[] := CASE col.kind
        WHEN 'text' THEN '{text,character varying,character}'
        WHEN 'integer' THEN '{smallint,integer,bigint}'
        WHEN 'span' THEN '{smallint,integer,bigint,interval}'
        WHEN 'timestamptz' THEN '{timestamp with time zone}'
        WHEN 'time' THEN '{time without time zone}'
        ELSE ARRAY[col.kind] END;
BEGIN
    SELECT a.attname::text AS name,
           format_type(a.atttypid, NULL) AS type,
           format_type(CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END, NULL) AS base,
           t.typtype,
           format_type(CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END, NULL) = ANY (allowed)
               OR (col.kind = 'text' AND t.typtype = 'e') AS fits
      INTO att
      FROM unnest(CASE WHEN given IS NULL THEN col.usual_names
                  ELSE ARRAY[given] END) WITH ORDINALITY AS u(name, n)
      JOIN pg_attribute a ON a.attrelid = relation AND a.attname = u.name AND a.attnum > 0
          AND NOT a.attisdropped
      JOIN pg_type t ON t.oid = a.atttypid
     ORDER BY 5 DESC, u.n
     LIMIT 1;
    IF att.fits IS NOT TRUE AND given IS NULL AND NOT col.required THEN
        RETURN NULL;
    END IF;
    IF att.name IS NULL THEN
        RAISE EXCEPTION 'table % has no column % for "%"', relation,
                        coalesce(quote_ident(given), array_to_string(col.usual_names, ' or ')), col.name
            USING ERRCODE = 'undefined_column',
                  HINT = format('Name it: availability_cache.attach(%L, %L, ''{"%s": "<your column>"}'').',
                                col.role, relation, col.name);
    END IF;
    IF NOT att.fits THEN
        RAISE EXCEPTION 'column % of table % is of type %, "%" needs %', quote_ident(att.name), relation,
            att.type,
                        col.name, array_to_string(allowed, ' or ')
            USING ERRCODE = 'datatype_mismatch',
                  HINT = CASE WHEN att.base = 'timestamp without time zone' AND col.kind = 'timestamptz'
                      THEN format('ALTER TABLE %s ADD %I timestamptz GENERATED ALWAYS AS (%I AT TIME '
                                  'ZONE ''your/zone'') STORED, and map that.',
                                  relation, att.name || '_utc', att.name)
                      ELSE 'Map another column, a generated one that converts it for instance, or change its '
                           'type with ALTER TABLE.' END;
    END IF;
    RETURN att.name;
END
$$;
COMMENT ON FUNCTION availability_cache_internal.resolve_column(regclass, availability_cache.source_column,
                                                               text) IS 'Internal, of attach().';

CREATE OR REPLACE FUNCTION availability_cache_internal.check_relation(role text, relation regclass)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    c record;
BEGIN
    SELECT * INTO c FROM pg_class WHERE oid = relation;
    IF c.relkind NOT IN ('r', 'p') OR c.relpersistence = 't' OR c.relispartition THEN
        RAISE EXCEPTION '% is a %, % must be an ordinary or partitioned table', relation,
            CASE WHEN c.relkind = 'v' THEN 'view' WHEN c.relkind = 'm' THEN 'materialized view'
                 WHEN c.relkind = 'f' THEN 'foreign table' WHEN c.relpersistence = 't' THEN 'temporary table'
                 WHEN c.relispartition THEN 'partition'
                 ELSE 'relation of kind "' || c.relkind::text || '"' END, role
            USING ERRCODE = 'wrong_object_type',
                  HINT = CASE WHEN c.relispartition
                      THEN format('Attach the partitioned table: %s.', pg_partition_root(relation))
                      ELSE 'Attach the table that the rows are written to: only there can triggers see every '
                           'change.' END;
    END IF;
    IF EXISTS (SELECT FROM availability_cache_internal.relation_tree(relation) AS t(oid)
               JOIN pg_class p ON p.oid = t.oid
                WHERE p.relkind = 'f') THEN
        RAISE EXCEPTION '% has foreign tables among its partitions', relation
            USING ERRCODE = 'wrong_object_type',
                  HINT = 'Changes on the remote server would go unnoticed; detach those partitions first.';
    END IF;
    IF EXISTS (SELECT FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhrelid
                WHERE i.inhparent = relation AND NOT p.relispartition) THEN
        RAISE EXCEPTION '% has children by inheritance', relation
            USING ERRCODE = 'wrong_object_type',
                  HINT = 'Changes of their rows would go unnoticed: make them partitions, or ALTER TABLE … '
                         'NO INHERIT.';
    END IF;
    IF NOT pg_has_role(c.relowner, 'USAGE') THEN
        RAISE EXCEPTION 'must be owner of table %', relation
            USING ERRCODE = 'insufficient_privilege',
                  HINT = format('It belongs to %I; run attach() as that role or as a superuser.',
                                pg_get_userbyid(c.relowner));
    END IF;
    IF NOT availability_cache_internal.may_be_attached(relation) THEN
        RAISE EXCEPTION 'table % belongs to %, who may not attach tables', relation,
            quote_ident(pg_get_userbyid(c.relowner))
            USING ERRCODE = 'insufficient_privilege',
                  HINT = format('Whose tables may be attached decides what is answered to all: GRANT EXECUTE '
                                'ON FUNCTION %s TO %I.',
                                availability_cache_internal.trigger_function(), pg_get_userbyid(c.relowner));
    END IF;
    IF c.relforcerowsecurity AND c.relrowsecurity AND NOT EXISTS
        (SELECT FROM pg_roles r WHERE r.oid = c.relowner AND (r.rolsuper OR r.rolbypassrls)) THEN
        RAISE EXCEPTION 'row-level security of table % is forced upon its owner %', relation,
                        quote_ident(pg_get_userbyid(c.relowner))
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = format('Answers are computed as the table''s owner and must see every row: ALTER '
                                'TABLE %s NO FORCE ROW LEVEL SECURITY, or ALTER ROLE %I BYPASSRLS.',
                                relation, pg_get_userbyid(c.relowner));
    END IF;
END
$$;
COMMENT ON FUNCTION availability_cache_internal.check_relation(text, regclass) IS 'Internal, of attach().';

-- Both have the mapping, so that it is not lost with one of them. args: a literal for each argument.
CREATE OR REPLACE FUNCTION availability_cache_internal.install_triggers(role text, relation regclass,
        args text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tg text := availability_cache_internal.trigger_name(role);
    f text := availability_cache_internal.trigger_function_name();
BEGIN
    EXECUTE format('CREATE TRIGGER %I AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION '
                   '%s(%s)',
                   tg, relation, f, args);
    EXECUTE format('CREATE TRIGGER %I AFTER TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION %s(%s)',
                   tg || '_truncate', relation, f, args);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I, ENABLE ALWAYS TRIGGER %I', relation, tg,
                   tg || '_truncate');
END
$$;
COMMENT ON FUNCTION availability_cache_internal.install_triggers(text, regclass, text) IS
    'Internal, of attach().';

-- On the relation and on each partition: unlike the row trigger these are not inherited. With the role alone:
-- a partition is not attached itself, also not once it is detached from its table.
CREATE OR REPLACE FUNCTION availability_cache_internal.install_truncate_triggers(role text, relation regclass)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    rel regclass;
    tg text := availability_cache_internal.trigger_name(role) || '_truncate';
BEGIN
    FOR rel IN
        SELECT t.oid FROM availability_cache_internal.relation_tree(relation) AS t(oid)
          JOIN pg_class c ON c.oid = t.oid
         WHERE c.relkind IN ('r', 'p')
           AND NOT EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = t.oid AND g.tgname = tg)
    LOOP
        EXECUTE format('CREATE TRIGGER %I AFTER TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION %s(%L)',
                       tg, rel, availability_cache_internal.trigger_function_name(), role);
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', rel, tg);
    END LOOP;
END
$$;
COMMENT ON FUNCTION availability_cache_internal.install_truncate_triggers(text, regclass) IS
    'Internal, of attach().';

CREATE OR REPLACE FUNCTION availability_cache_internal.drop_triggers(role text, relation regclass)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    t record;
BEGIN
    FOR t IN
        SELECT g.tgname, g.tgrelid::regclass AS rel
          FROM pg_trigger g
         WHERE g.tgrelid IN (SELECT availability_cache_internal.relation_tree(relation))
           AND g.tgfoid = availability_cache_internal.trigger_function()
           AND g.tgparentid = 0
           AND position(convert_to(role, getdatabaseencoding()) || '\x00' IN g.tgargs) = 1
         ORDER BY g.tgrelid, g.tgname
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', t.tgname, t.rel);
    END LOOP;
END
$$;
COMMENT ON FUNCTION availability_cache_internal.drop_triggers(text, regclass) IS
    'Internal, of attach() and detach().';

CREATE OR REPLACE FUNCTION availability_cache_internal.statuses_in_use(relation regclass, status text)
RETURNS text[]
AS 'MODULE_PATHNAME', 'availability_cache_statuses_in_use'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION availability_cache_internal.statuses_in_use(regclass, text) IS
    'Internal, of attach(): the values of a column of a table whose owner the caller can act as; of those in '
    'the first 100,000 rows and the common ones, if there are more rows.';

-- A word that the rules lack ("canceled") would go unnoticed: bookings of it block, unless the rules say
-- which do; holds of it do not.
CREATE OR REPLACE FUNCTION availability_cache_internal.name_statuses(role text, relation regclass,
                                                                     status text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    listed text := 'hold_statuses';
    named text[];
    used text[];
BEGIN
    IF status IS NULL OR NOT has_table_privilege('availability_cache.rules', 'SELECT') THEN
        RETURN;
    END IF;
    SELECT r.hold_statuses INTO named FROM availability_cache.rules r;
    IF role = 'bookings' THEN
        SELECT CASE WHEN r.blocking_statuses IS NULL THEN 'non_blocking_statuses'
            ELSE 'blocking_statuses' END,
               coalesce(r.blocking_statuses, r.non_blocking_statuses) INTO listed, named
                   FROM availability_cache.rules r;
    END IF;
    SELECT array_agg(s ORDER BY s COLLATE "C") INTO used
      FROM unnest(availability_cache_internal.statuses_in_use(relation, status)) s
     WHERE s <> ALL (named);
    IF used IS NOT NULL THEN
        RAISE NOTICE '% of these statuses %: %', relation, CASE listed WHEN 'non_blocking_statuses'
            THEN 'block' ELSE 'do not block' END,
                     array_to_string(used[1:20], ', ') || CASE WHEN cardinality(used) > 20 THEN ', …'
                         ELSE '' END
            USING HINT = format('UPDATE availability_cache.rules SET %s = … if one of them should%s.',
                                listed, CASE listed WHEN 'non_blocking_statuses' THEN ' not' ELSE '' END);
    END IF;
END
$$;
COMMENT ON FUNCTION availability_cache_internal.name_statuses(text, regclass, text) IS
    'Internal, of attach(): a notice of the statuses in use that the rules do not name.';

-- The zone of stylists and customers that have none decides every time of a day, and the shipped one is right
-- for few.
CREATE FUNCTION availability_cache_internal.settle_timezone(OUT said text)
RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    shipped CONSTANT text := 'Asia/Kathmandu';
    zones text[] := '{}';
    unknown text[];
BEGIN
    IF NOT has_table_privilege('availability_cache.rules', 'SELECT') THEN
        said := format('default_timezone is not shown without GRANT SELECT ON availability_cache.rules TO %I',
                       current_user);
        RETURN;
    END IF;
    SELECT r.default_timezone INTO said FROM availability_cache.rules r;
    SELECT array_agg(DISTINCT z ORDER BY z),
           array_agg(DISTINCT z ORDER BY z) FILTER (WHERE NOT availability_cache.is_timezone(z))
      INTO zones, unknown
      FROM availability_cache_internal.attached() s, unnest(s.names, s.columns) AS c(name, col),
           unnest(availability_cache_internal.statuses_in_use(s.relation, c.col)) AS z
     WHERE s.role = 'stylist_profiles' AND c.name = 'timezone' AND c.col <> ''
       AND availability_cache_internal.may_be_attached(s.relation);
    IF unknown IS NOT NULL THEN
        RAISE NOTICE 'stylists have time zones that are not known: %', array_to_string(unknown[1:20], ', ')
            USING HINT = 'Their days are errors until these are names of pg_timezone_names.';
    END IF;
    IF said <> shipped OR zones = ARRAY[shipped] THEN
        said := format('default_timezone is %s', said);
    ELSIF cardinality(zones) = 1 AND availability_cache.is_timezone(zones[1])
          AND has_column_privilege('availability_cache.rules', 'default_timezone', 'UPDATE') THEN
        UPDATE availability_cache.rules SET default_timezone = zones[1];
        said := format('default_timezone is %s now, as all stylists have it', zones[1]);
    ELSE
        said := format('default_timezone is %s, as shipped: set yours', shipped);
        RAISE NOTICE 'stylists and customers without a time zone are taken to be in %, because none is set',
            shipped
            USING HINT = 'UPDATE availability_cache.rules SET default_timezone = ''Europe/Berlin''; for '
                         'example.';
    END IF;
END
$$;
COMMENT ON FUNCTION availability_cache_internal.settle_timezone() IS
    'Internal, of attach(): takes the stylists'' time zone where all have the same and none was set; what it '
    'says of it.';

-- What a column's name says that it is about, where it is not mapped. name NULL: the built-in rules have no
-- such thing.
CREATE FUNCTION availability_cache_internal.look_alikes(
    OUT role text, OUT pattern text, OUT types text[], OUT name text)
RETURNS SETOF record
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT r, p, CASE k WHEN 'span' THEN '{smallint,integer,bigint,interval}' ELSE ARRAY[k] END, n
      FROM unnest('{services,stylist_profiles}'::text[]) r,
           (VALUES ('before.*buffer|buffer.*before|prep|setup', 'span', 'buffer_before_minutes'),
                   ('after.*buffer|buffer.*after|clean|turnover|turnaround', 'span', 'buffer_after_minutes'),
                   ('^((?!before|after).)*buffer((?!before|after).)*$', 'span', 'buffer_before_minutes'),
                   ('^((?!before|after).)*buffer((?!before|after).)*$', 'span', 'buffer_after_minutes'),
                   ('notice|lead|min.*(advance|ahead)', 'span', 'min_notice_minutes'),
                   ('max.*(advance|ahead)|horizon|booking_window', 'span', 'max_advance_days'),
                   ('max.*(daily|per_day|a_day)|daily.*(max|limit)', 'span', NULL)) v(p, k, n)
    UNION ALL
    SELECT r, '^(is_)?enabled$', '{boolean}', 'is_active'
      FROM unnest('{services,stylist_services,stylist_profiles,stylist_schedules}'::text[]) r
    UNION ALL
    SELECT r, p, t, n
      FROM unnest('{bookings,booking_reservations}'::text[]) r,
           (VALUES ('^((booking|appointment|reservation|hold)_)?(state|status)$',
                    '{text,character varying,character,enum}'::text[], 'status'),
                   ('service|treatment', '{uuid}', 'service_id')) v(p, t, n)
    UNION ALL
    SELECT * FROM (VALUES ('schedule_overrides', 'appl.*all|for_all|all_stylists|everyone|global',
                           ARRAY['boolean'], 'applies_to_all'),
                          ('stylist_schedules',
                           '(break|lunch|pause).*(start|from|begin)|(start|from|begin).*(break|lunch|pause)',
                           ARRAY['time without time zone'], 'break_start_time'),
                          ('stylist_schedules',
                           '(break|lunch|pause).*(end|until|to$)|(end|until).*(break|lunch|pause)',
                           ARRAY['time without time zone'], 'break_end_time'),
                          ('stylist_schedules', 'break|lunch|pause',
                           ARRAY['jsonb', 'json', 'interval', 'integer', 'time without time zone[]'], NULL),
                          ('booking_reservations', 'expir|until', ARRAY['timestamp with time zone'],
                           'expires_at'),
                          ('stylist_profiles', '^tz$|time_?zone', ARRAY['text', 'character varying'],
                           'timezone'),
                          ('bookings', 'cancel(l)?ed_at|deleted_at',
                           ARRAY['timestamp with time zone', 'timestamp without time zone'], NULL)) o(r, p, t,
                                   n);
END;
COMMENT ON FUNCTION availability_cache_internal.look_alikes() IS
    'Internal, of attach(): names of columns that look as if they mattered.';

-- A line for each column that is left out and looks as if it mattered; given: the mapping that was asked for,
-- mapped: the one that was made.
CREATE FUNCTION availability_cache_internal.left_out(role text, relation regclass, given jsonb, mapped jsonb)
RETURNS SETOF text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH c AS (
        SELECT a.attname::text AS name, CASE t.typtype WHEN 'e' THEN 'enum'
            WHEN 'd' THEN format_type(t.typbasetype, NULL) ELSE format_type(t.oid, NULL) END AS type
          FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
         WHERE a.attrelid = left_out.relation AND a.attnum > 0 AND NOT a.attisdropped
           AND a.attname NOT IN (SELECT value FROM jsonb_each_text(left_out.mapped)))
    -- One that fits was made since.
    SELECT CASE WHEN CASE WHEN s.required THEN c.name
                     ELSE availability_cache_internal.resolve_column(left_out.relation, s, NULL) END = c.name
        THEN format('left out: column %I looks like %s: SELECT * FROM availability_cache.attach(%L, %L, %L)',
                    c.name, s.name, left_out.role, left_out.relation,
                    left_out.given || jsonb_build_object(s.name, c.name))
                ELSE format('left out: column %I is of type %s, which cannot be %s', c.name, c.type, s.name)
                    END
      FROM c JOIN availability_cache.source_column s ON s.role = left_out.role
          AND c.name = ANY (s.usual_names)
     WHERE NOT left_out.mapped ? s.name AND NOT left_out.given ? s.name
    UNION ALL
    SELECT CASE WHEN count(l.name) = 0
        THEN format('left out: column %I: the built-in rules have no such thing, a function of your own may '
                    '(rules.compute_function)', c.name)
                ELSE format('left out: column %I looks like %s: SELECT * FROM availability_cache.attach(%L, '
                            '%L, %L), or null for it', c.name, string_agg(DISTINCT l.name, ' and '),
                            left_out.role, left_out.relation,
                            left_out.given || jsonb_object_agg(l.name, c.name)
                                FILTER (WHERE l.name IS NOT NULL)) END
      FROM c JOIN availability_cache_internal.look_alikes() l ON l.role = left_out.role
          AND c.name ~* l.pattern AND c.type = ANY (l.types)
     WHERE NOT coalesce(left_out.mapped ? l.name OR left_out.given ? l.name, false)
       AND NOT EXISTS (SELECT FROM availability_cache.source_column s
                       WHERE s.role = left_out.role AND c.name = ANY (s.usual_names))
     GROUP BY c.name
$$;
COMMENT ON FUNCTION availability_cache_internal.left_out(text, regclass, jsonb, jsonb) IS
    'Internal, of attach(): what it says of the columns that it leaves out.';

CREATE OR REPLACE FUNCTION availability_cache.attach(
    INOUT role text,
    INOUT relation regclass,
    INOUT columns jsonb DEFAULT '{}',
    OUT action text,
    OUT missing_indexes text[])
RETURNS SETOF record
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
    col availability_cache.source_column;
    given jsonb := columns;
    mapped jsonb := '{}';
    args text;
    bad text;
    before record;
BEGIN
    IF NOT EXISTS (SELECT FROM availability_cache.source_column sc WHERE sc.role = attach.role) THEN
        RAISE EXCEPTION 'unknown role "%"', role
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Roles: ' || (SELECT string_agg(DISTINCT sc.role, ', ')
                                       FROM availability_cache.source_column sc) || '.';
    END IF;
    IF relation IS NULL THEN
        RAISE EXCEPTION 'relation must not be NULL' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    IF columns IS NULL OR jsonb_typeof(columns) <> 'object'
       OR EXISTS (SELECT FROM jsonb_each(columns) e WHERE jsonb_typeof(e.value) NOT IN ('string', 'null'))
           THEN
        RAISE EXCEPTION 'columns must be a JSON object of column names'
            USING ERRCODE = 'invalid_parameter_value',
                HINT = 'For example {"start_time": "begins_at", "created_at": null}: null leaves a column '
                       'out.';
    END IF;
    SELECT string_agg(k, ', ') INTO bad
      FROM jsonb_object_keys(columns) k
     WHERE k NOT IN (SELECT sc.name FROM availability_cache.source_column sc WHERE sc.role = attach.role);
    IF bad IS NOT NULL THEN
        RAISE EXCEPTION '% has no such column: %', role, bad
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'It has: ' || (SELECT string_agg(sc.name, ', ' ORDER BY sc.position)
                                          FROM availability_cache.source_column sc
                                         WHERE sc.role = attach.role) || '.';
    END IF;
    PERFORM availability_cache_internal.check_relation(role, relation);
    FOR col IN SELECT * FROM availability_cache.source_column sc
        WHERE sc.role = attach.role ORDER BY position LOOP
        IF columns -> col.name = 'null' AND col.required THEN
            RAISE EXCEPTION '"%" cannot be left out', col.name
                USING ERRCODE = 'invalid_parameter_value',
                    HINT = format('Name the column of %s that has it.', relation);
        END IF;
        CONTINUE WHEN columns -> col.name = 'null';
        bad := availability_cache_internal.resolve_column(relation, col, columns ->> col.name);
        IF bad IS NOT NULL THEN
            mapped := mapped || jsonb_build_object(col.name, bad);
        END IF;
    END LOOP;
    SELECT s.role INTO bad FROM availability_cache_internal.attached() s
     WHERE s.relation = attach.relation AND s.role <> attach.role;
    IF bad IS NOT NULL THEN
        RAISE EXCEPTION 'table % is attached as % already', relation, bad
            USING ERRCODE = 'object_in_use',
                HINT = format('SELECT availability_cache.detach(%L) first.', bad);
    END IF;
    SELECT g.tgname INTO bad
      FROM pg_trigger g
     WHERE g.tgrelid = relation
       AND g.tgname IN (availability_cache_internal.trigger_name(role),
                        availability_cache_internal.trigger_name(role) || '_truncate')
       AND g.tgfoid <> availability_cache_internal.trigger_function();
    IF bad IS NOT NULL THEN
        RAISE EXCEPTION 'table % has a trigger named % that is not ours', relation, bad
            USING ERRCODE = 'duplicate_object', HINT = 'Drop or rename it; docs/migrating.md has the steps.';
    END IF;

    SELECT count(*) AS n, bool_and(s.relation = attach.relation AND s.problem IS NULL
                                   AND availability_cache_internal.mapping(s.names, s.columns, s.left_out)
                                       = given || mapped) AS same
      INTO before FROM availability_cache_internal.attached() s
     WHERE s.role = attach.role
       AND (s.relation = attach.relation OR availability_cache_internal.may_be_attached(s.relation));
    IF role IN ('bookings', 'booking_reservations') THEN
        PERFORM availability_cache_internal.name_statuses(role, relation, mapped ->> 'status');
    END IF;
    missing_indexes := availability_cache.missing_indexes(role, relation, mapped);
    columns := mapped;
    IF before.same AND availability_cache_internal.trigger_state(relation) = 'enabled'
       AND EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = relation AND g.tgtype = 32 AND g.tgnargs > 1
                      AND g.tgfoid = availability_cache_internal.trigger_function()) THEN
        action := 'already attached';
    ELSE
        PERFORM availability_cache_internal.drop_triggers(role, s.relation)
           FROM availability_cache_internal.attached() s
          WHERE s.role = attach.role AND s.relation <> attach.relation
            AND availability_cache_internal.may_be_attached(s.relation);
        PERFORM availability_cache_internal.drop_triggers(role, relation);
        -- A system column's name: no column of a table has it (LEFT_OUT in attachments.h).
        SELECT string_agg(quote_literal(CASE WHEN given -> sc.name = 'null' THEN 'ctid'
                                            ELSE coalesce(mapped ->> sc.name, '') END), ', '
                          ORDER BY sc.position)
          INTO args
          FROM availability_cache.source_column sc WHERE sc.role = attach.role;
        PERFORM availability_cache_internal.install_triggers(role, relation, format('%L, %s', role, args));
        PERFORM availability_cache_internal.install_truncate_triggers(role, relation);
        action := CASE WHEN before.n = 0 THEN 'attached' ELSE 'attached again' END;
    END IF;
    RETURN NEXT;
    columns := NULL; missing_indexes := NULL;
    RETURN QUERY SELECT role, relation, columns, l, missing_indexes
        FROM availability_cache_internal.left_out(role, relation, given, mapped) l;
    -- Hours are read in it. attach() without arguments says it itself, when all are attached.
    IF role = 'stylist_schedules' AND has_table_privilege('availability_cache.rules', 'SELECT') THEN
        IF EXISTS (SELECT FROM availability_cache.rules r WHERE r.default_timezone = 'Asia/Kathmandu') THEN
            role := 'rules'; relation := 'availability_cache.rules';
            action := 'default_timezone is Asia/Kathmandu, as shipped: set yours; attach() takes the '
                      'stylists'' own where all have the same';
            RETURN NEXT;
        END IF;
    END IF;
END
$$;
COMMENT ON FUNCTION availability_cache.attach(text, regclass, jsonb) IS
'Makes a table play a role (a usual table name: bookings, services, …): maps its columns (columns: {"name '
'in source_column": "your column"} where names differ, null for one to be left out, also by attach() '
'without arguments from then on), installs the triggers '
'and returns a row with what it did and the CREATE INDEX commands for missing indexes, and one for each '
'column that is left out and looks as if it mattered, with the call that maps it. Raises, changing nothing, '
'when the table cannot serve. A notice names statuses in use that the rules do not.';

CREATE OR REPLACE FUNCTION availability_cache.attach(
    OUT role text,
    OUT relation regclass,
    OUT columns jsonb,
    OUT action text,
    OUT missing_indexes text[])
RETURNS SETOF record
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
    usual record;
    candidates regclass[];
    strangers text;
BEGIN
    FOR usual IN
        SELECT * FROM (VALUES ('bookings', true), ('stylist_schedules', true), ('stylist_services', true),
                              ('services', true), ('booking_reservations', false),
                              ('schedule_overrides', false),
                              ('stylist_profiles', false), ('resources', false), ('class_sessions', false))
                                  AS u(name, required)
    LOOP
        -- Many things are called resources: these are what services need.
        CONTINUE WHEN usual.name = 'resources' AND NOT EXISTS
            (SELECT FROM availability_cache_internal.attached() s
              WHERE s.role = 'resources'
                 OR (s.role = 'services' AND jsonb_object(s.names, s.columns) ? 'resource_kind'));
        -- A table of this name that has not what classes need is something else.
        CONTINUE WHEN usual.name = 'class_sessions'
            AND NOT EXISTS (SELECT FROM availability_cache_internal.attached() s
                            WHERE s.role = 'class_sessions')
            AND NOT EXISTS (SELECT FROM pg_class c
                             WHERE c.relname = 'class_sessions'
                               AND NOT EXISTS (SELECT FROM availability_cache.source_column s
                                                WHERE s.role = 'class_sessions' AND s.required
                                                  AND NOT EXISTS (SELECT FROM pg_attribute a
                                                                  WHERE a.attrelid = c.oid
                                                                    AND a.attname = ANY (s.usual_names))));
        role := usual.name;
        relation := NULL; columns := NULL; missing_indexes := NULL;
        SELECT array_agg(s.relation ORDER BY s.relation::text),
               min(availability_cache_internal.mapping(s.names, s.columns, s.left_out)::text)
          INTO candidates, columns
          FROM availability_cache_internal.attached() s
         WHERE s.role = usual.name AND availability_cache_internal.may_be_attached(s.relation);
        relation := candidates[1];
        strangers := NULL;
        IF cardinality(candidates) > 1 THEN
            RAISE EXCEPTION 'more than one table is attached as %: %', usual.name,
                array_to_string(candidates, ', ')
                USING ERRCODE = 'ambiguous_alias',
                      HINT = format('Say which: SELECT * FROM availability_cache.attach(%L, %L).', usual.name,
                                    relation);
        END IF;
        IF relation IS NULL THEN
            -- Anybody may make a table of a usual name: whose may be attached, somebody has said.
            SELECT array_agg(c.oid::regclass
                             ORDER BY n.oid <> '@extschema@'::regnamespace, n.nspname <> 'public', n.nspname)
                   FILTER (WHERE NOT c.relispartition AND x.trusted),
                   string_agg(format('%s belongs to %I', c.oid::regclass, pg_get_userbyid(c.relowner)), ', ')
                   FILTER (WHERE NOT c.relispartition AND NOT x.trusted)
              INTO candidates, strangers
              FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             CROSS JOIN LATERAL availability_cache_internal.may_be_attached(c.oid) AS x(trusted)
             WHERE c.relname = usual.name AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
               AND c.relpersistence <> 't'
               AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_';
            relation := candidates[1];
            IF cardinality(candidates) > 1 AND NOT EXISTS
                (SELECT FROM pg_class c WHERE c.oid = relation
                    AND c.relnamespace IN ('@extschema@'::regnamespace, to_regnamespace('public'))) THEN
                RAISE EXCEPTION 'more than one table is named %: %', usual.name,
                    array_to_string(candidates, ', ')
                    USING ERRCODE = 'ambiguous_alias',
                          HINT = format('Say which: SELECT * FROM availability_cache.attach(%L, %L).',
                                        usual.name, relation);
            END IF;
        END IF;
        IF relation IS NULL THEN
            IF usual.required AND strangers IS NOT NULL THEN
                RAISE EXCEPTION 'no table named % that may be attached: %', usual.name, strangers
                    USING ERRCODE = 'undefined_table',
                          HINT = format('Whose tables may be attached decides what is answered to all: GRANT '
                                        'EXECUTE ON FUNCTION %s TO the owner.',
                                        availability_cache_internal.trigger_function());
            ELSIF usual.required THEN
                RAISE EXCEPTION 'no table named % found', usual.name
                    USING ERRCODE = 'undefined_table',
                          HINT = format('If yours has another name: SELECT * FROM '
                                        'availability_cache.attach(%L, ''your_table'', ''{…}'').',
                                            usual.name);
            END IF;
            action := coalesce('not attached: ' || strangers || ', who may not attach tables',
                               'not found, optional');
            RETURN NEXT;
        ELSE
            RETURN QUERY SELECT a.*
                FROM availability_cache.attach(usual.name, relation, coalesce(columns, '{}')) a
               WHERE a.role <> 'rules';
        END IF;
    END LOOP;
    role := 'rules'; relation := 'availability_cache.rules'; columns := NULL; missing_indexes := NULL;
    action := availability_cache_internal.settle_timezone();
    RETURN NEXT;
END
$$;
COMMENT ON FUNCTION availability_cache.attach() IS
'Attaches every table that has its usual name and is not attached yet; a row per table with what was done '
'and the CREATE INDEX commands for missing indexes, and one that says the time zone of stylists and '
'customers without one, which it takes from the stylists where all have the same and none is set. Raises, '
'changing nothing, when a required table is missing or cannot serve.';

CREATE FUNCTION availability_cache.attach(
    create_indexes boolean,
    OUT role text,
    OUT relation regclass,
    OUT columns jsonb,
    OUT action text,
    OUT missing_indexes text[])
RETURNS SETOF record
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    command text;
BEGIN
    FOR role, relation, columns, action, missing_indexes IN SELECT a.* FROM availability_cache.attach() a LOOP
        IF create_indexes AND missing_indexes <> '{}' THEN
            FOREACH command IN ARRAY missing_indexes LOOP
                EXECUTE command;
            END LOOP;
            action := format('%s, %s indexes made', action, cardinality(missing_indexes));
            missing_indexes := '{}';
        END IF;
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION availability_cache.attach(boolean) IS
'attach(), which also makes the missing indexes: attach(create_indexes => true). Writers wait meanwhile; '
'the commands that attach() returns may be run with CONCURRENTLY instead.';
REVOKE ALL ON FUNCTION availability_cache.attach(boolean) FROM PUBLIC;

CREATE OR REPLACE FUNCTION availability_cache.detach(role text DEFAULT NULL)
RETURNS SETOF text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    s record;
BEGIN
    IF role IS NOT NULL AND NOT EXISTS (SELECT FROM availability_cache_internal.attached() x
                                        WHERE x.role = detach.role) THEN
        RAISE EXCEPTION 'nothing is attached as "%"', role
            USING ERRCODE = 'undefined_object',
                HINT = 'SELECT role, relation FROM availability_cache.sources lists what is.';
    END IF;
    FOR s IN SELECT x.* FROM availability_cache_internal.attached() x
        WHERE detach.role IS NULL OR x.role = detach.role LOOP
        PERFORM availability_cache_internal.drop_triggers(s.role, s.relation);
        RETURN NEXT s.role;
    END LOOP;
    FOR s IN
        SELECT t.tgname, t.tgrelid::regclass AS relation FROM pg_trigger t
         WHERE detach.role IS NULL AND t.tgfoid = 'availability_cache_internal.waiting_list()'::regprocedure
           AND t.tgparentid = 0
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', s.tgname, s.relation);
        RETURN NEXT 'waiting list';
    END LOOP;
END
$$;
COMMENT ON FUNCTION availability_cache.detach(text) IS
'Takes away the triggers, and with them the mapping, of one role, or of all and of waiting lists; returns '
'what it detached. Needed before DROP EXTENSION.';

-- attach() runs as its caller, and what it calls does nothing that the caller could not do by hand: whoever
-- is granted attach() needs no other grant, whatever the default privileges are.
GRANT EXECUTE ON FUNCTION availability_cache_internal.trigger_name(text),
    availability_cache_internal.trigger_function_name(),
    availability_cache_internal.may_be_attached(regclass),
    availability_cache_internal.install_triggers(text, regclass, text),
    availability_cache_internal.relation_tree(regclass), availability_cache_internal.trigger_state(regclass),
    availability_cache_internal.resolve_column(regclass, availability_cache.source_column, text),
    availability_cache_internal.check_relation(text, regclass),
    availability_cache_internal.install_truncate_triggers(text, regclass),
    availability_cache_internal.drop_triggers(text, regclass),
    availability_cache_internal.settle_timezone(),
    availability_cache_internal.look_alikes(),
    availability_cache_internal.left_out(text, regclass, jsonb, jsonb),
    availability_cache_internal.statuses_in_use(regclass, text),
    availability_cache_internal.name_statuses(text, regclass, text) TO PUBLIC;
