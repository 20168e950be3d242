ALTER TABLE freshet.api_keys
    DROP COLUMN scopes,
    DROP COLUMN act_as_owner,
    ADD COLUMN hash bytea UNIQUE;

UPDATE freshet.api_keys k SET hash = (SELECT s.hash FROM freshet.key_secrets s WHERE s.key = k.name
    ORDER BY s.created_at DESC LIMIT 1);
DELETE FROM freshet.api_keys WHERE hash IS NULL;
ALTER TABLE freshet.api_keys ALTER COLUMN hash SET NOT NULL;
DROP TABLE freshet.key_secrets;

DELETE FROM freshet.schema_versions WHERE version = 104;
