-- What a user's app is told: endpoints hear of events, and each event that one hears is a delivery.

-- A UUIDv7 (RFC 9562, section 5.7), so that ids sort by time.
CREATE FUNCTION freshet.uuid7() RETURNS uuid LANGUAGE sql VOLATILE AS $$
    SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
        PLACING substring(int8send(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
        FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid
$$;

-- Secrets are wrapped by the operator's own key.
CREATE TABLE freshet.endpoints (
    id              uuid PRIMARY KEY,
    owner           text        NOT NULL,
    everyone        boolean     NOT NULL DEFAULT false,  -- hears of every owner's tasks
    url             text        NOT NULL,
    events          text[]      NOT NULL,
    kinds           text[]      NOT NULL DEFAULT '{}',   -- none: all
    headers         bytea,                               -- the user's own
    signing         bytea       NOT NULL,                -- what its messages are signed with
    signing_until   timestamptz,                         -- until then also with the one before
    enabled         boolean     NOT NULL DEFAULT true,
    disabled_reason text,
    paused_at       timestamptz,
    failing_since   timestamptz,                         -- no success since
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX endpoints_owner ON freshet.endpoints (owner, id);
CREATE INDEX endpoints_everyone ON freshet.endpoints (id) WHERE everyone AND enabled;

-- A delivery is made in the transaction of its event, with all that its body is made of. No foreign keys:
-- an endpoint may go while an event is told to it.
CREATE TABLE freshet.deliveries (
    id            uuid PRIMARY KEY DEFAULT freshet.uuid7(),
    target        text        NOT NULL,  -- what its concurrency is bounded by: the endpoint, or the host of a task's own url
    endpoint_id   uuid,                  -- null: a task's own url
    url           text,                  -- of the task
    key           text,                  -- the API key whose secret signs for the task's url
    owner         text        NOT NULL,
    message       text        NOT NULL,  -- webhook-id: the same for each sending
    task_id       uuid,
    seq           bigint,
    attempt       int,
    type          text        NOT NULL,
    at            timestamptz NOT NULL,
    told          json,                  -- what the body is made of, until it is made
    body          bytea,
    state         text        NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed')),
    failures      int         NOT NULL DEFAULT 0,  -- in a row, by which the next time is found
    tries         int         NOT NULL DEFAULT 0,  -- the number of the last one, and its fence
    due_at        timestamptz NOT NULL,
    sending_until timestamptz,           -- who sends it has so long
    ended_at      timestamptz
) WITH (fillfactor = 80);
CREATE INDEX deliveries_pending ON freshet.deliveries (target, due_at) WHERE state = 'pending';
CREATE INDEX deliveries_sending ON freshet.deliveries (target) WHERE state = 'pending' AND sending_until IS NOT NULL;
CREATE INDEX deliveries_owner ON freshet.deliveries (owner, id);
CREATE INDEX deliveries_endpoint ON freshet.deliveries (endpoint_id, id);
CREATE INDEX deliveries_task ON freshet.deliveries (task_id);
CREATE INDEX deliveries_ended ON freshet.deliveries (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE freshet.delivery_tries (
    delivery_id uuid        NOT NULL REFERENCES freshet.deliveries ON DELETE CASCADE,
    number      int         NOT NULL,
    at          timestamptz NOT NULL,
    took_ms     int         NOT NULL,
    status      int,          -- null: there was no answer
    answer      bytea,        -- how its body begins
    error       text,
    PRIMARY KEY (delivery_id, number)
);

-- A task's own url is told of its end, signed for the key that submitted the task.
ALTER TABLE freshet.tasks
    ADD COLUMN webhook_url text,
    ADD COLUMN webhook_key text;
ALTER TABLE freshet.api_keys
    ADD COLUMN signing       bytea,
    ADD COLUMN signing_until timestamptz;

INSERT INTO freshet.schema_versions (version) VALUES (105);
