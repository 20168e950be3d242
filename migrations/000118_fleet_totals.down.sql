DROP TABLE freshet.fleet_totals;
ALTER TABLE freshet.fleet_units
    DROP COLUMN outcome,
    DROP COLUMN counted;

DELETE FROM freshet.schema_versions WHERE version = 118;
