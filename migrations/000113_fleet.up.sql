-- Workers that Freshet starts itself. A unit is the process or machine of one such worker: its row is written
-- and committed before the provider is asked, and never says less than there may be.
ALTER TABLE freshet.pools
    ADD COLUMN managed      boolean NOT NULL DEFAULT false,  -- Freshet starts its workers
    ADD COLUMN min_units    int     NOT NULL DEFAULT 0,
    ADD COLUMN max_units    int     NOT NULL DEFAULT 0,
    ADD COLUMN start_ms     bigint  NOT NULL DEFAULT 0,      -- usually, from an order to a worker
    ADD COLUMN generation   text    NOT NULL DEFAULT '',     -- of image and settings: workers of another one leave
    ADD COLUMN budget_hours float8;                          -- of units, a day (UTC); null: without limit

ALTER TABLE freshet.workers
    ADD COLUMN unit        text,                             -- the provider's name of what it runs in
    ADD COLUMN generation  text NOT NULL DEFAULT '',         -- empty: nobody's, and never over
    ADD COLUMN retiring_at timestamptz;                      -- since when it takes nothing, and may be about to leave

-- What a provider's machines are labelled with: two Freshets may use one account.
ALTER TABLE freshet.settings ADD COLUMN install uuid NOT NULL DEFAULT gen_random_uuid();

CREATE TABLE freshet.fleet_units (
    intent     uuid PRIMARY KEY,
    pool       text        NOT NULL,
    provider   text        NOT NULL,
    unit       text,                                         -- the provider's name, once it has answered
    generation text        NOT NULL,
    state      text        NOT NULL CHECK (state IN ('intended', 'starting', 'up', 'ended')),
    created_at timestamptz NOT NULL,
    ordered_at timestamptz NOT NULL,                         -- when a replica last took it upon itself to ask the provider
    boot_until timestamptz NOT NULL,
    worker_id  uuid,
    seen_at    timestamptz,
    ended_at   timestamptz,
    failed     boolean     NOT NULL DEFAULT false,
    reason     text
);
CREATE INDEX fleet_units_alive ON freshet.fleet_units (pool) WHERE state <> 'ended';
CREATE INDEX fleet_units_pool ON freshet.fleet_units (pool, created_at);

-- What anything that starts workers by a query may count on: it stays as it is. What a task waits for that is not
-- ready, a pause for instance, no worker could help with.
CREATE VIEW freshet.fleet_demand AS
SELECT p.name AS pool,
    count(a.task_id) FILTER (WHERE a.state = 'queued') AS ready,
    count(a.task_id) FILTER (WHERE a.state = 'running') AS running,
    coalesce(extract(epoch FROM clock_timestamp() - min(a.since) FILTER (WHERE a.state = 'queued')), 0)::float8 AS oldest_seconds
FROM freshet.pools p
LEFT JOIN freshet.attempts a ON a.pool = p.name AND a.state IN ('queued', 'running') AND (a.state = 'running' OR p.paused_at IS NULL)
WHERE p.retired_at IS NULL
GROUP BY p.name;

INSERT INTO freshet.schema_versions (version) VALUES (113);
