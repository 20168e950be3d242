-- The schema freshet stays: golang-migrate's table is in it.
DROP SCHEMA river;
DROP TABLE freshet.schema_versions;
