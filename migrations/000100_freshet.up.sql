-- Freshet's own tables. All names are qualified: the database may be the user's own.
--
-- The row in freshet.tasks is the truth about a task. There are no foreign keys between the tables of
-- one task: they are written by single statements that name all of them, and a key check per row
-- would cost more than the row. Nothing but the primary key and the lists' keys is indexed on tasks,
-- so that the many updates of state, seq and progress stay in the page (HOT).

CREATE TABLE freshet.kinds (
    name         text PRIMARY KEY,
    current_hash text NOT NULL,
    paused_at    timestamptz,
    retired_at   timestamptz  -- no longer in freshet.yaml; its tasks remain
);

CREATE TABLE freshet.kind_revisions (
    name       text        NOT NULL,
    hash       text        NOT NULL,
    spec       json        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (name, hash)
);

CREATE TABLE freshet.pools (
    name       text PRIMARY KEY,
    provider   text NOT NULL,
    slots      int  NOT NULL,
    paused_at  timestamptz,
    retired_at timestamptz
);

CREATE TABLE freshet.api_keys (
    name       text PRIMARY KEY,
    hash       bytea       NOT NULL UNIQUE,
    owner      text        NOT NULL,
    admin      boolean     NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Keys that the replicas share, one per purpose, made once and wrapped by the operator's own.
CREATE TABLE freshet.secrets (
    purpose    text PRIMARY KEY,
    wrapped    bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE freshet.workers (
    id          uuid PRIMARY KEY,
    pool        text        NOT NULL,
    host        text        NOT NULL,
    pid         int         NOT NULL,
    slots       int         NOT NULL,
    kinds       text[]      NOT NULL,
    version     text        NOT NULL,
    started_at  timestamptz NOT NULL,
    beat_at     timestamptz NOT NULL,
    lease_until timestamptz NOT NULL
);

CREATE TABLE freshet.tasks (
    id                  uuid PRIMARY KEY,
    owner               text        NOT NULL,
    kind                text        NOT NULL,
    kind_hash           text        NOT NULL,
    pool                text        NOT NULL,
    state               text        NOT NULL CHECK (state IN ('pending', 'running', 'completed', 'failed', 'cancelled')),
    seq                 bigint      NOT NULL,
    run                 int         NOT NULL DEFAULT 1,
    attempt             int         NOT NULL DEFAULT 1,
    tries               int         NOT NULL DEFAULT 0,
    max_tries           int         NOT NULL,
    priority            text        NOT NULL CHECK (priority IN ('low', 'normal', 'high')),
    progress            smallint    NOT NULL DEFAULT 0,
    message             text,
    tags                text[]      NOT NULL DEFAULT '{}',
    metadata            json,
    timeout_ms          bigint,
    rerun_of            uuid,
    failure             json,
    usage               json,
    idempotency_key     text,
    key_active          boolean     NOT NULL DEFAULT false,  -- the key is freed when the task ends
    created_at          timestamptz NOT NULL,
    scheduled_at        timestamptz,
    started_at          timestamptz,
    ended_at            timestamptz,
    cancel_requested_at timestamptz
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);

CREATE INDEX tasks_owner ON freshet.tasks (owner, id);
CREATE INDEX tasks_owner_kind ON freshet.tasks (owner, kind, id);

CREATE TABLE freshet.task_payloads (
    task_id uuid PRIMARY KEY,
    input   json NOT NULL,
    output  json
) WITH (fillfactor = 80);

CREATE TABLE freshet.attempts (
    task_id             uuid   NOT NULL,
    number              int    NOT NULL,
    run                 int    NOT NULL,
    state               text   NOT NULL CHECK (state IN ('held', 'queued', 'running', 'ended')),
    owner               text   NOT NULL,
    kind                text   NOT NULL,
    pool                text   NOT NULL,
    river_priority      smallint NOT NULL,
    hold                text,         -- why it is held
    due_at              timestamptz,  -- held: not admitted before
    expires_at          timestamptz,  -- held or queued: fails as expired then
    river_job_id        bigint,
    worker_id           uuid,
    flushed_to          bigint NOT NULL DEFAULT 0,  -- records of its spool that are stored
    outcome             text,
    failure             json,
    exit_code           int,
    signal              text,
    usage               json,
    cancel_requested_at timestamptz,
    since               timestamptz NOT NULL,  -- when it came to be held or queued
    started_at          timestamptz,
    ended_at            timestamptz,
    PRIMARY KEY (task_id, number)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);

CREATE INDEX attempts_alive ON freshet.attempts (owner, task_id) WHERE state <> 'ended';
CREATE INDEX attempts_held ON freshet.attempts (due_at) WHERE state = 'held';
CREATE INDEX attempts_running ON freshet.attempts (worker_id) WHERE state = 'running';
CREATE INDEX attempts_expiring ON freshet.attempts (expires_at)
    WHERE state IN ('held', 'queued') AND expires_at IS NOT NULL;

-- Ranges of a day each: a UUIDv7 begins with its time, so one task's rows lie in one partition.
CREATE TABLE freshet.task_events (
    task_id uuid        NOT NULL,
    seq     bigint      NOT NULL,
    attempt int         NOT NULL,
    at      timestamptz NOT NULL,
    type    text        NOT NULL,
    data    json,
    PRIMARY KEY (task_id, seq)
) PARTITION BY RANGE (task_id);
CREATE TABLE freshet.task_events_default PARTITION OF freshet.task_events DEFAULT;

CREATE TABLE freshet.task_logs (
    task_id uuid        NOT NULL,
    seq     bigint      NOT NULL,
    attempt int         NOT NULL,
    at      timestamptz NOT NULL,
    stream  smallint    NOT NULL,
    partial boolean     NOT NULL,
    data    bytea       NOT NULL,
    PRIMARY KEY (task_id, seq)
) PARTITION BY RANGE (task_id);

-- lz4 where the server was built with it, else the server's default.
DO $$
BEGIN
    ALTER TABLE freshet.task_logs ALTER COLUMN data SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported OR invalid_parameter_value THEN
    RAISE NOTICE 'this server has no lz4: log chunks are compressed with pglz';
END
$$;
CREATE TABLE freshet.task_logs_default PARTITION OF freshet.task_logs DEFAULT;

CREATE TABLE freshet.artifacts (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_id      uuid        NOT NULL,
    attempt      int         NOT NULL,
    name         text        NOT NULL,
    size         bigint      NOT NULL,
    content_type text        NOT NULL,
    sha256       bytea       NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    UNIQUE (task_id, attempt, name)
);

CREATE TABLE freshet.artifact_chunks (
    artifact_id bigint NOT NULL REFERENCES freshet.artifacts ON DELETE CASCADE,
    number      int    NOT NULL,
    data        bytea  NOT NULL,
    PRIMARY KEY (artifact_id, number)
);
ALTER TABLE freshet.artifact_chunks ALTER COLUMN data SET STORAGE EXTERNAL;

CREATE TABLE freshet.idempotency_keys (
    owner       text  NOT NULL,
    key         text  NOT NULL,
    fingerprint bytea NOT NULL,
    task_id     uuid  NOT NULL,
    PRIMARY KEY (owner, key)
);

INSERT INTO freshet.schema_versions (version) VALUES (100);
