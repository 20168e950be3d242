-- Row-level security: a second wall behind the API's own checks, where Freshet runs as a role that does not
-- own its tables. Who owns them is not held back by it, and pays nothing for it.
--
-- A transaction that names an owner in freshet.owner sees, changes and adds that owner's rows alone. In one
-- that names nobody, a role that was granted all of Freshet's work sees everybody's, and any other none.

-- The days of events and logs are made and dropped by the tables' owner, for whoever may call these. A
-- day's own table lets nobody in: its rows are reached through its parent.
CREATE FUNCTION freshet.make_day(parent text, day date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    name  constant text := parent || '_' || to_char(day, 'YYYYMMDD');
    first constant bigint := extract(epoch FROM day)::bigint * 1000;
BEGIN
    IF parent NOT IN ('task_events', 'task_logs') THEN
        RAISE invalid_parameter_value USING MESSAGE = 'no table by the day: ' || parent;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('freshet.partitions'));
    IF to_regclass('freshet.' || name) IS NULL THEN
        EXECUTE format('CREATE TABLE freshet.%I PARTITION OF freshet.%I FOR VALUES FROM (%L) TO (%L)', name, parent,
            rpad(lpad(to_hex(first), 12, '0'), 32, '0')::uuid, rpad(lpad(to_hex(first + 86400000), 12, '0'), 32, '0')::uuid);
        EXECUTE format('ALTER TABLE freshet.%I ENABLE ROW LEVEL SECURITY', name);
    END IF;
END $$;

-- It waits no longer than a second for the lock that it needs, and so keeps others waiting.
CREATE FUNCTION freshet.drop_day(parent text, day date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '1s' AS $$
BEGIN
    IF parent NOT IN ('task_events', 'task_logs') THEN
        RAISE invalid_parameter_value USING MESSAGE = 'no table by the day: ' || parent;
    END IF;
    IF current_setting('freshet.owner', true) <> '' THEN
        RAISE insufficient_privilege USING MESSAGE = 'a day is everybody''s';
    END IF;
    EXECUTE format('DROP TABLE IF EXISTS freshet.%I', parent || '_' || to_char(day, 'YYYYMMDD'));
END $$;

-- How many attempts of a kind are queued or run, whosever they are: why a task waits is told by it.
CREATE FUNCTION freshet.active(wanted text) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT count(*) FROM freshet.attempts WHERE limited AND state IN ('queued', 'running') AND kind = wanted
$$;

-- Who may drop everybody's days is one that was granted all of Freshet's work.
CREATE FUNCTION freshet.sees_all() RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce(current_setting('freshet.owner', true), '') = ''
        AND has_function_privilege('freshet.drop_day(text, date)', 'EXECUTE')
$$;

REVOKE EXECUTE ON FUNCTION freshet.make_day(text, date), freshet.drop_day(text, date), freshet.active(text) FROM PUBLIC;

-- The subquery is run once for a statement, not for each row. What belongs to a task is reached through the
-- task's own policy.
DO $$
DECLARE
    wall constant text := 'ALTER TABLE freshet.%1$I ENABLE ROW LEVEL SECURITY;
        CREATE POLICY owner ON freshet.%1$I USING ((SELECT freshet.sees_all()) OR %2$s)';
    name text;
BEGIN
    FOREACH name IN ARRAY '{tasks, attempts, endpoints, deliveries, schedules, idempotency_keys, turns}'::text[] LOOP
        EXECUTE format(wall, name, 'owner = current_setting(''freshet.owner'', true)');
    END LOOP;
    FOREACH name IN ARRAY '{task_payloads, task_events, task_events_default, task_logs, task_logs_default, artifacts}'::text[] LOOP
        EXECUTE format(wall, name, 'EXISTS (SELECT FROM freshet.tasks t WHERE t.id = task_id)');
    END LOOP;
    EXECUTE format(wall, 'artifact_chunks', 'EXISTS (SELECT FROM freshet.artifacts a WHERE a.id = artifact_id)');
    EXECUTE format(wall, 'delivery_tries', 'EXISTS (SELECT FROM freshet.deliveries d WHERE d.id = delivery_id)');
    FOR name IN SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'freshet'::regnamespace AND c.relispartition AND c.relkind = 'r'
        AND NOT c.relrowsecurity LOOP
        EXECUTE format('ALTER TABLE freshet.%I ENABLE ROW LEVEL SECURITY', name);
    END LOOP;
END $$;

INSERT INTO freshet.schema_versions (version) VALUES (111);
