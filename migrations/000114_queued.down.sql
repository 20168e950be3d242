DROP INDEX freshet.attempts_queued;

DELETE FROM freshet.schema_versions WHERE version = 114;
