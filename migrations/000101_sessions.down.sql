DROP TABLE freshet.login_links;
DROP TABLE freshet.sessions;

DELETE FROM freshet.schema_versions WHERE version = 101;
