-- A migration contracts if it removes, or changes the meaning of, what an earlier release reads or writes. A program's
-- schema is the version of the database that it was made for: the latest of the migrations in it.
ALTER TABLE freshet.workers ADD COLUMN schema int NOT NULL DEFAULT 0;          -- of its program; 0: it is from before this
ALTER TABLE freshet.schema_versions ADD COLUMN oldest int NOT NULL DEFAULT 0;  -- the oldest schema whose programs may go on

-- The first statement of a file that contracts: it refuses (SQLSTATE FS001; DETAIL tells who, a line each) while a program of
-- a schema before the oldest lives. Whoever's lease is over is dead from here on, and so is, where it is forced, everybody
-- who is too old. A worker that registers meanwhile waits for the end, and is refused by then.
CREATE FUNCTION freshet.contract(oldest int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    forced boolean := current_setting('freshet.contract', true) IS NOT DISTINCT FROM 'forced';
    alive  text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('freshet register', 0));
    SELECT string_agg(who, E'\n' ORDER BY who) INTO alive FROM (
        SELECT format('worker %s (%s) of pool %s on %s, process %s', w.id, w.version, w.pool, w.host, w.pid) AS who
        FROM freshet.workers w
        WHERE w.schema < oldest AND w.died_at IS NULL AND w.lease_until > clock_timestamp()
        UNION ALL
        SELECT format('unit %s of pool %s, which is being started, of a generation that is over', coalesce(u.unit, u.intent::text), u.pool)
        FROM freshet.fleet_units u LEFT JOIN freshet.pools p ON p.name = u.pool AND p.retired_at IS NULL
        WHERE u.state IN ('intended', 'starting') AND u.boot_until > clock_timestamp() AND u.generation IS DISTINCT FROM p.generation
        UNION ALL
        -- Each process that serves holds its schema's lock in the session that it listens in.
        SELECT format('API at %s, session %s of the database', coalesce(host(a.client_addr), 'this host'), l.pid)
        FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
        WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.objid::bigint < oldest
            AND l.classid = (hashtext('freshet schema')::bigint & 4294967295)::oid
            AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
    ) AS programs;
    IF alive IS NOT NULL AND NOT forced THEN
        RAISE EXCEPTION 'older programs still use the database' USING ERRCODE = 'FS001', DETAIL = alive;
    END IF;
    UPDATE freshet.workers w SET died_at = clock_timestamp() WHERE w.schema < oldest AND w.died_at IS NULL;
END $$;

INSERT INTO freshet.schema_versions (version) VALUES (116);
