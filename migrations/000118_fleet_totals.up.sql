-- What became of all units ever, to be counted without reading them all: the sum of these and of those that are not counted yet.
ALTER TABLE freshet.fleet_units
    ADD COLUMN outcome text CHECK (outcome IN ('left', 'died', 'late', 'refused', 'gone')),
    ADD COLUMN counted boolean NOT NULL DEFAULT false;
UPDATE freshet.fleet_units SET counted = true WHERE state = 'ended';  -- of before this
CREATE INDEX fleet_units_uncounted ON freshet.fleet_units (pool) WHERE NOT counted;

CREATE TABLE freshet.fleet_totals (
    pool    text   NOT NULL,
    outcome text   NOT NULL,
    ended   bigint NOT NULL,
    up      bigint NOT NULL,  -- of these, those whose worker had come up
    PRIMARY KEY (pool, outcome)
);

INSERT INTO freshet.schema_versions (version) VALUES (118);
