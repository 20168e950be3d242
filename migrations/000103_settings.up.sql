-- What is true for all processes together, also for one that was away when it was said.
CREATE TABLE freshet.settings (
    singular            boolean PRIMARY KEY DEFAULT true CHECK (singular),
    maintenance_at      timestamptz,           -- since when nothing new is taken
    maintenance_message text,
    reload              bigint NOT NULL DEFAULT 0  -- how often it was asked for
);
INSERT INTO freshet.settings DEFAULT VALUES;

INSERT INTO freshet.schema_versions (version) VALUES (103);
