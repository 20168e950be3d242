ALTER TABLE freshet.kinds DROP COLUMN credential;
DROP TABLE freshet.credentials;

DELETE FROM freshet.schema_versions WHERE version = 112;
