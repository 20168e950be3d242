-- The schema freshet is there already when Freshet migrates: golang-migrate's table is in it. The
-- test for existence spares a role that may not create schemas, where an administrator made them.
DO $$ BEGIN
    IF to_regnamespace('freshet') IS NULL THEN CREATE SCHEMA freshet; END IF;
    IF to_regnamespace('river') IS NULL THEN CREATE SCHEMA river; END IF;
END $$;

-- One row per file that took effect, written by the last statement of that file.
CREATE TABLE freshet.schema_versions (
    version    bigint PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT now()
);

INSERT INTO freshet.schema_versions (version) VALUES (1);
