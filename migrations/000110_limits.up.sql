-- How many bytes a task takes: each statement that writes some of them sets these too, in the row that it
-- changes anyway, and they go with the row. So the sum of an owner's rows is always true, and there is no
-- counter that could be wrong. Tasks from before count as nothing.
ALTER TABLE freshet.tasks
    ADD COLUMN input_bytes    int    NOT NULL DEFAULT 0,
    ADD COLUMN output_bytes   int    NOT NULL DEFAULT 0,
    ADD COLUMN log_bytes      bigint NOT NULL DEFAULT 0,
    ADD COLUMN artifact_bytes bigint NOT NULL DEFAULT 0;

INSERT INTO freshet.schema_versions (version) VALUES (110);
