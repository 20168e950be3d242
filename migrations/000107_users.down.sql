DELETE FROM freshet.sessions WHERE user_name IS NOT NULL;
ALTER TABLE freshet.sessions
    DROP COLUMN user_name,
    DROP COLUMN generation;
DROP TABLE freshet.rate_counters;
DROP TABLE freshet.users;

DELETE FROM freshet.schema_versions WHERE version = 107;
