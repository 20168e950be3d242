DROP TABLE freshet.settings;

DELETE FROM freshet.schema_versions WHERE version = 103;
