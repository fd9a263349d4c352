-- Parameters: now, priorities.
-- When something may be claimed that cannot be now: it becomes due, or a lease of what is
-- due ends. What is due already lies before what is not, in the same index; most of it is
-- leased by whoever asks.
SELECT least(
    (SELECT min(d.due_at) FROM unnest($2::smallint[]) AS p (priority) CROSS JOIN LATERAL (
        SELECT t.due_at FROM poller.targets t
         WHERE t.status = 'active' AND t.due_priority = p.priority AND t.due_at > $1
         ORDER BY t.due_at LIMIT 1) d),
    (SELECT min(coalesce(d.lease_until, d.due_at)) FROM unnest($2::smallint[]) AS p (priority) CROSS JOIN LATERAL (
        SELECT t.due_at, t.lease_until FROM poller.targets t
         WHERE t.status = 'active' AND t.due_priority = p.priority AND t.due_at <= $1
         ORDER BY t.due_at LIMIT 200) d),
    (SELECT d.routes_due_at FROM (
        SELECT t.routes_due_at FROM poller.targets t
         WHERE t.status = 'active' AND t.routes_due_at > $1
         ORDER BY t.routes_due_at LIMIT 1) d),
    (SELECT min(greatest(d.routes_due_at, d.lease_until, d.not_before)) FROM (
        SELECT t.routes_due_at, t.lease_until, t.not_before FROM poller.targets t
         WHERE t.status = 'active' AND t.routes_due_at <= $1
         ORDER BY t.routes_due_at LIMIT 200) d))
