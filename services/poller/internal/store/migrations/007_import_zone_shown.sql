-- Whoever reads an import sees the zone that was stated with it; null when none was.
CREATE OR REPLACE VIEW poller.view_imports_v1 AS
SELECT id AS import_id, user_id, provider, kind, dry_run, status, report, error, requested_at, started_at, finished_at,
       nullif(time_zone, '') AS time_zone
  FROM poller.imports;
