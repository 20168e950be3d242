-- Who changed what. A row is written when the act is done, and never changed.
CREATE TABLE freshet.audit_log (
    id         uuid PRIMARY KEY DEFAULT freshet.uuid7(),  -- tells the time
    actor      text     NOT NULL,  -- what let the caller in: the name of an API key, or session, token and so on
    owner      text     NOT NULL,  -- as whom
    action     text     NOT NULL,  -- id of the operation
    object     text     NOT NULL,  -- ids and names
    address    text     NOT NULL,  -- where the request came from
    user_agent text     NOT NULL,
    request_id text     NOT NULL,
    status     smallint NOT NULL   -- of the answer
);
CREATE INDEX audit_log_actor ON freshet.audit_log (actor, id);
CREATE INDEX audit_log_action ON freshet.audit_log (action, id);

INSERT INTO freshet.schema_versions (version) VALUES (109);
