ALTER TABLE freshet.api_keys
    DROP COLUMN signing_until,
    DROP COLUMN signing;
ALTER TABLE freshet.tasks
    DROP COLUMN webhook_key,
    DROP COLUMN webhook_url;
DROP TABLE freshet.delivery_tries;
DROP TABLE freshet.deliveries;
DROP TABLE freshet.endpoints;
DROP FUNCTION freshet.uuid7();

DELETE FROM freshet.schema_versions WHERE version = 105;
