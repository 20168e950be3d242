-- A worker that counts as dead stays for a while, with what is known of its death: whether it took its
-- task with it is told by exit code or signal, never by silence alone.
ALTER TABLE freshet.workers
    ADD COLUMN lease_ms  bigint NOT NULL DEFAULT 60000,
    ADD COLUMN session   boolean NOT NULL DEFAULT false,  -- holds an advisory lock in a session of its own
    ADD COLUMN died_at   timestamptz,
    ADD COLUMN exit_code int,
    ADD COLUMN signal    text;

INSERT INTO freshet.schema_versions (version) VALUES (102);
