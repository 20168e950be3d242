-- Browsers that are signed in, and the links that sign one in, once. Both are known by a SHA-256 alone.
CREATE TABLE freshet.sessions (
    hash       bytea PRIMARY KEY,
    owner      text        NOT NULL,
    admin      boolean     NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);

CREATE TABLE freshet.login_links (
    hash       bytea PRIMARY KEY,
    owner      text        NOT NULL,
    admin      boolean     NOT NULL,
    expires_at timestamptz NOT NULL
);

INSERT INTO freshet.schema_versions (version) VALUES (101);
