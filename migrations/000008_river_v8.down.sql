-- River's version 8 (job id autoincrement). Written by migrations/generate; do not edit.

-- No-op. Postgres sequences already prevent automatically generated job IDs
-- from being reused.
SELECT 1;

DELETE FROM freshet.schema_versions WHERE version = 8;
