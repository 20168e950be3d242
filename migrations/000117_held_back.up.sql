-- The last look at a pool found that no worker is to be started, whatever waits: too many failed, or the budget is used up.
ALTER TABLE freshet.pools ADD COLUMN held_back boolean NOT NULL DEFAULT false;

INSERT INTO freshet.schema_versions (version) VALUES (117);
