DROP VIEW freshet.fleet_demand;
DROP TABLE freshet.fleet_units;
ALTER TABLE freshet.settings DROP COLUMN install;
ALTER TABLE freshet.workers DROP COLUMN unit, DROP COLUMN generation, DROP COLUMN retiring_at;
ALTER TABLE freshet.pools DROP COLUMN managed, DROP COLUMN min_units, DROP COLUMN max_units, DROP COLUMN start_ms,
    DROP COLUMN generation, DROP COLUMN budget_hours;

DELETE FROM freshet.schema_versions WHERE version = 113;
