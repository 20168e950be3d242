ALTER TABLE freshet.workers
    DROP COLUMN lease_ms,
    DROP COLUMN session,
    DROP COLUMN died_at,
    DROP COLUMN exit_code,
    DROP COLUMN signal;

DELETE FROM freshet.schema_versions WHERE version = 102;
