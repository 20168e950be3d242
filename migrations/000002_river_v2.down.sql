-- River's version 2 (initial schema). Written by migrations/generate; do not edit.

DROP TABLE river.river_job;
DROP FUNCTION river.river_job_notify;
DROP TYPE river.river_job_state;

DROP TABLE river.river_leader;

DELETE FROM freshet.schema_versions WHERE version = 2;
