-- People who sign in with a name and a password, which is also the owner of what they submit. A session is
-- good as long as its generation is that of its user.
CREATE TABLE freshet.users (
    name                text PRIMARY KEY,
    password            text        NOT NULL,            -- argon2id, as a PHC string
    admin               boolean     NOT NULL,
    generation          int         NOT NULL DEFAULT 1,  -- rises with each change: the sessions of before end
    created_at          timestamptz NOT NULL DEFAULT now(),
    password_changed_at timestamptz NOT NULL DEFAULT now(),
    disabled_at         timestamptz,
    last_login_at       timestamptz
);

ALTER TABLE freshet.sessions
    ADD COLUMN user_name text REFERENCES freshet.users (name) ON DELETE CASCADE,
    ADD COLUMN generation int;
CREATE INDEX sessions_user ON freshet.sessions (user_name) WHERE user_name IS NOT NULL;

-- How often something was tried in a span of time. Names and addresses are known by a SHA-256 alone: people
-- type passwords where names belong.
CREATE TABLE freshet.rate_counters (
    key     bytea PRIMARY KEY,
    count   int         NOT NULL,
    ends_at timestamptz NOT NULL
);

INSERT INTO freshet.schema_versions (version) VALUES (107);
