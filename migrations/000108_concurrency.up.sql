-- Kinds of which only so many tasks run at once. Their attempts are admitted one by one, in turn from each
-- owner. What runs is counted each time, by an index of those alone; there is no counter that could be wrong.
ALTER TABLE freshet.kinds
    ADD COLUMN max_total     int,
    ADD COLUMN max_per_owner int;

ALTER TABLE freshet.attempts ADD COLUMN limited boolean NOT NULL DEFAULT false;
CREATE INDEX attempts_limited_active ON freshet.attempts (kind, owner) WHERE limited AND state IN ('queued', 'running');
CREATE INDEX attempts_limited_held ON freshet.attempts (kind, owner, river_priority, task_id) WHERE limited AND state = 'held';

-- When an owner had its last turn.
CREATE TABLE freshet.turns (
    kind  text,
    owner text,
    at    timestamptz NOT NULL,
    PRIMARY KEY (kind, owner)
);
CREATE INDEX turns_at ON freshet.turns (at);

INSERT INTO freshet.schema_versions (version) VALUES (108);
