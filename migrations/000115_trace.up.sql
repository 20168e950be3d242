-- The trace that the submit of a task belonged to, so that its attempts are told as part of it.
ALTER TABLE freshet.task_payloads ADD COLUMN trace text;  -- a traceparent of W3C Trace Context

INSERT INTO freshet.schema_versions (version) VALUES (115);
