ALTER TABLE freshet.pools DROP COLUMN starts_per_minute;

DELETE FROM freshet.schema_versions WHERE version = 119;
