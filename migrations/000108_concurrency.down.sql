DROP TABLE freshet.turns;
DROP INDEX freshet.attempts_limited_held;
DROP INDEX freshet.attempts_limited_active;
ALTER TABLE freshet.attempts DROP COLUMN limited;
ALTER TABLE freshet.kinds
    DROP COLUMN max_per_owner,
    DROP COLUMN max_total;

DELETE FROM freshet.schema_versions WHERE version = 108;
