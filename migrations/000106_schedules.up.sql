-- Schedules make tasks at the times of a cron expression.
CREATE TABLE freshet.schedules (
    name         text PRIMARY KEY,
    owner        text        NOT NULL,
    source       text        NOT NULL CHECK (source IN ('file', 'api')),
    kind         text        NOT NULL,
    input        json        NOT NULL,
    tags         text[]      NOT NULL,
    priority     text        NOT NULL CHECK (priority IN ('low', 'normal', 'high')),
    cron         text        NOT NULL,
    timezone     text        NOT NULL,
    missed       text        NOT NULL CHECK (missed IN ('run_once', 'skip')),
    paused_at    timestamptz,
    next_at      timestamptz NOT NULL,
    last_at      timestamptz,
    last_task_id uuid,
    last_error   text,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX schedules_due ON freshet.schedules (next_at) WHERE paused_at IS NULL;
CREATE INDEX schedules_owner ON freshet.schedules (owner, name);

INSERT INTO freshet.schema_versions (version) VALUES (106);
