-- Queued attempts by their River job: what looks for those whose job was taken away reads no ended attempt.
CREATE INDEX attempts_queued ON freshet.attempts (river_job_id) WHERE state = 'queued';

INSERT INTO freshet.schema_versions (version) VALUES (114);
