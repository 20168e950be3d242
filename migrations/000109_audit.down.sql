DROP TABLE freshet.audit_log;

DELETE FROM freshet.schema_versions WHERE version = 109;
