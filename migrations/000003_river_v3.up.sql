-- River's version 3 (river job tags non null). Written by migrations/generate; do not edit.

ALTER TABLE river.river_job ALTER COLUMN tags SET DEFAULT '{}';
UPDATE river.river_job SET tags = '{}' WHERE tags IS NULL;
ALTER TABLE river.river_job ALTER COLUMN tags SET NOT NULL;

INSERT INTO freshet.schema_versions (version) VALUES (3);
