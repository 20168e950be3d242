-- River's version 3 (river job tags non null). Written by migrations/generate; do not edit.

ALTER TABLE river.river_job
    ALTER COLUMN tags DROP NOT NULL,
    ALTER COLUMN tags DROP DEFAULT;

DELETE FROM freshet.schema_versions WHERE version = 3;
