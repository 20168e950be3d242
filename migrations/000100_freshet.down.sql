DROP TABLE freshet.idempotency_keys;
DROP TABLE freshet.artifact_chunks;
DROP TABLE freshet.artifacts;
DROP TABLE freshet.task_logs;
DROP TABLE freshet.task_events;
DROP TABLE freshet.attempts;
DROP TABLE freshet.task_payloads;
DROP TABLE freshet.tasks;
DROP TABLE freshet.workers;
DROP TABLE freshet.secrets;
DROP TABLE freshet.api_keys;
DROP TABLE freshet.pools;
DROP TABLE freshet.kind_revisions;
DROP TABLE freshet.kinds;

DELETE FROM freshet.schema_versions WHERE version = 100;
