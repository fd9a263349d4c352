-- Parameters: now, owner, end of the leases, how many, priorities.
-- Each priority is a place of its own in the index of what is due, so nothing is read
-- but what is due. A target that has windows or a scan comes before any that has only
-- routes. The inner limits are numbers: from a parameter Postgres would expect a tenth
-- of all targets, and read them all.
WITH due AS (
    SELECT x.user_id, x.provider, x.routes, x.lease_until IS NOT NULL AS expired FROM (
        SELECT d.user_id, d.provider, d.lease_until, false AS routes
          FROM unnest($5::smallint[]) AS p (priority) CROSS JOIN LATERAL (
            SELECT t.user_id, t.provider, t.lease_until FROM poller.targets t
             WHERE t.status = 'active' AND t.due_priority = p.priority AND t.due_at <= $1
               AND (t.lease_until IS NULL OR t.lease_until <= $1)
             ORDER BY t.due_at LIMIT 64 FOR UPDATE SKIP LOCKED) d
        UNION ALL
        SELECT r.user_id, r.provider, r.lease_until, true FROM (
            SELECT t.user_id, t.provider, t.lease_until FROM poller.targets t
             WHERE t.status = 'active' AND t.routes_due_at <= $1 AND (t.due_at IS NULL OR t.due_at > $1)
               AND (t.lease_until IS NULL OR t.lease_until <= $1) AND (t.not_before IS NULL OR t.not_before <= $1)
             ORDER BY t.routes_due_at LIMIT 64 FOR UPDATE SKIP LOCKED) r) x
     LIMIT $4),
claimed AS (
    UPDATE poller.targets t SET lease_owner = $2, lease_until = $3, lease_token = lease_token + 1
      FROM due WHERE t.user_id = due.user_id AND t.provider = due.provider
    RETURNING t.*, due.routes, due.expired)
SELECT c.user_id::text, c.provider, c.connection_id::text, c.provider_account_id, c.scopes, c.status, c.failures,
       c.not_before, c.lease_token, c.index_sequence, c.record_sequence, c.chunk_sequence, c.stream_epoch,
       c.trouble_class, c.trouble_since, c.told_class, c.told_late, c.routes, c.expired, c.activated_sequence,
       EXISTS (SELECT FROM poller.suspects x WHERE x.user_id = c.user_id AND x.provider = c.provider)
  FROM claimed c
