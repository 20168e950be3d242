ALTER TABLE freshet.pools DROP COLUMN held_back;

DELETE FROM freshet.schema_versions WHERE version = 117;
