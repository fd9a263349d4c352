-- How a sync ended for each kind of data; null for a request, and for what earlier
-- programs reported.
ALTER TABLE projector.syncs ADD COLUMN kinds jsonb;
CREATE OR REPLACE VIEW projector.view_syncs_v1 AS
SELECT sync_id, user_id, provider, connection_id, trigger, window_from, window_to, covered_from, covered_to,
       status, not_before, counts, error, requested_at, finished_at, report, kinds
FROM projector.syncs;
