DROP FUNCTION freshet.contract(int);
ALTER TABLE freshet.schema_versions DROP COLUMN oldest;
ALTER TABLE freshet.workers DROP COLUMN schema;

DELETE FROM freshet.schema_versions WHERE version = 116;
