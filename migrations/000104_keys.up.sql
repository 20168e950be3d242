-- A key has one secret, or two while it is rotated. Each is known by a SHA-256 and its first letters.
CREATE TABLE freshet.key_secrets (
    hash         bytea PRIMARY KEY,
    key          text        NOT NULL REFERENCES freshet.api_keys (name) ON DELETE CASCADE,
    prefix       text        NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz,
    expires_at   timestamptz
);
CREATE INDEX key_secrets_key ON freshet.key_secrets (key);
INSERT INTO freshet.key_secrets (hash, key, prefix, created_at) SELECT hash, name, '', created_at FROM freshet.api_keys;

ALTER TABLE freshet.api_keys
    DROP COLUMN hash,
    ADD COLUMN scopes text[] NOT NULL DEFAULT '{read,cancel,write}',
    ADD COLUMN act_as_owner boolean NOT NULL DEFAULT false;

INSERT INTO freshet.schema_versions (version) VALUES (104);
