INSERT INTO projector.syncs AS s (sync_id, user_id, provider, connection_id, trigger, window_from, window_to, covered_from, covered_to,
                                  status, not_before, counts, error, requested_at, finished_at, report, sequence, kinds)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
ON CONFLICT (sync_id) DO UPDATE SET
    user_id = excluded.user_id, provider = excluded.provider, connection_id = excluded.connection_id, trigger = excluded.trigger,
    window_from = excluded.window_from, window_to = excluded.window_to, covered_from = excluded.covered_from,
    covered_to = excluded.covered_to, status = excluded.status, not_before = excluded.not_before, counts = excluded.counts,
    error = excluded.error, requested_at = excluded.requested_at, finished_at = excluded.finished_at,
    report = excluded.report, sequence = excluded.sequence, kinds = excluded.kinds
WHERE (s.report, s.sequence) < (excluded.report, excluded.sequence)
