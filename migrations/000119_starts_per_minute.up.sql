ALTER TABLE freshet.pools ADD COLUMN starts_per_minute int NOT NULL DEFAULT 0;  -- units; 0: without limit

INSERT INTO freshet.schema_versions (version) VALUES (119);
