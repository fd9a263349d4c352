-- Parameters: users, providers, accounts, now.
-- Of some targets what their scans that are due read, for those of which nothing else is:
-- no window waits, no source rests, the deep scan is not due, and each scan only makes one
-- stretch of what was read longer. Beside it what the index knows around what is read,
-- and how the account's budget stands.
SELECT x.place::int - 1, s.source, s.kind, s.spans, s.dues, s.last_outcome,
       k.ids, k.sequences, k.hashes, k.hash_versions, k.origins, k.removed, k.started, k.offsets, k.accounts,
       coalesce(b.xmin::text, ''), coalesce(b.remaining, 0), coalesce(b.quota, 0), coalesce(b.told, false), coalesce(b.reset_at, $4),
       coalesce(b.halvings, 0), coalesce(b.refused, false), coalesce(b.further, '{}')
  FROM unnest($1::uuid[], $2::text[], $3::text[]) WITH ORDINALITY AS x (u, p, a, place)
  JOIN poller.targets t ON t.user_id = x.u AND t.provider = x.p AND (t.deep_due IS NULL OR t.deep_due > $4)
 CROSS JOIN LATERAL (
    SELECT s.* FROM poller.sources s
     WHERE s.user_id = x.u AND s.provider = x.p AND s.next_due <= $4 AND NOT s.refused) s
 CROSS JOIN LATERAL (
    SELECT $4 - make_interval(secs => max(d.span)) AS begins FROM unnest(s.spans, s.dues) AS d (span, due) WHERE d.due <= $4) w
 CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE c.covered_to >= w.begins) AS stretches,
           bool_or(c.scheduled AND c.covered_from <= w.begins AND c.covered_to >= w.begins) AS goes_on,
           count(*) FILTER (WHERE c.scheduled) AS scheduled
      FROM poller.coverage c WHERE c.user_id = x.u AND c.provider = x.p AND c.account = x.a AND c.kind = s.source) c
 CROSS JOIN LATERAL (
    SELECT array_agg(i.external_id) AS ids, array_agg(i.sequence) AS sequences, array_agg(i.content_hash) AS hashes, array_agg(i.hash_version) AS hash_versions,
           array_agg(i.origin) AS origins, array_agg(i.removed) AS removed, array_agg(i.started_at) AS started, array_agg(i.utc_offset_seconds) AS offsets,
           array_agg(i.account) AS accounts
      FROM poller.activity_index i
     WHERE i.user_id = x.u AND i.provider = x.p AND i.started_at >= w.begins - interval '2 days' AND i.started_at < $4 + interval '2 days') k
  LEFT JOIN poller.budgets b ON b.provider = x.p AND b.account = x.a
 WHERE c.stretches = 1 AND c.goes_on AND c.scheduled = 1
   AND NOT EXISTS (SELECT FROM poller.windows o WHERE o.user_id = x.u AND o.provider = x.p AND o.status <> 'done')
   AND NOT EXISTS (SELECT FROM poller.sources r WHERE r.user_id = x.u AND r.provider = x.p AND (r.failures > 0 OR r.not_before IS NOT NULL))
