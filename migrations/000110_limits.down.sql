ALTER TABLE freshet.tasks
    DROP COLUMN artifact_bytes,
    DROP COLUMN log_bytes,
    DROP COLUMN output_bytes,
    DROP COLUMN input_bytes;

DELETE FROM freshet.schema_versions WHERE version = 110;
