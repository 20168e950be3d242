ALTER TABLE freshet.task_payloads DROP COLUMN trace;

DELETE FROM freshet.schema_versions WHERE version = 115;
