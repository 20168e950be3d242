-- A credential that must not be used for a while, such as one whose limit is reached: tasks of kinds that use
-- it wait. There is a row only while it is held.
CREATE TABLE freshet.credentials (
    name       text PRIMARY KEY,
    held_at    timestamptz NOT NULL,
    held_until timestamptz,           -- null: until somebody releases it
    reason     text        NOT NULL
);
ALTER TABLE freshet.kinds ADD COLUMN credential text;

INSERT INTO freshet.schema_versions (version) VALUES (112);
