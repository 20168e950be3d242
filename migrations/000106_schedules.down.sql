DROP TABLE freshet.schedules;

DELETE FROM freshet.schema_versions WHERE version = 106;
