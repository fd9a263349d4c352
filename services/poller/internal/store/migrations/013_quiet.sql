-- book stores how budgets stand, each in a row that is still as it was read: its version
-- says so. It gives the places in the list of those that it stored, and their versions.
-- The locks are those of every other writer of budgets.
CREATE FUNCTION poller.book(list jsonb) RETURNS TABLE (place int, version text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('stridelog poller budget ' || x.p || ' ' || x.a, 0))
       FROM (SELECT DISTINCT r.p, r.a FROM jsonb_to_recordset(list) AS r (p text, a text) ORDER BY 1, 2) x;
    RETURN QUERY
    UPDATE poller.budgets b SET remaining = x.remaining, quota = x.quota, told = x.told, reset_at = x.reset_at,
           halvings = x.halvings, refused = x.refused, further = x.further
      FROM jsonb_to_recordset(list) AS x (i int, p text COLLATE "C", a text COLLATE "C", version text, remaining int, quota int, told boolean,
           reset_at timestamptz, halvings smallint, refused boolean, further jsonb)
     WHERE b.provider = x.p AND b.account = x.a AND b.xmin::text = x.version
    RETURNING x.i, pg_current_xact_id()::xid::text;
END $$;

-- end_quiet ends scans that found nothing, of those leases that are still held: it moves
-- the timetables on, stores what was read and what was told of budgets, and gives the
-- leases back. It says when the first of these targets has work again. Whoever adds a
-- window locks its target afterwards, so what was added meanwhile is seen here, and what
-- is added later makes the target due once more.
CREATE FUNCTION poller.end_quiet(ends jsonb, at timestamptz) RETURNS timestamptz LANGUAGE plpgsql AS $$
DECLARE
    first timestamptz;
BEGIN
    PERFORM FROM poller.targets t JOIN jsonb_to_recordset(ends) AS e (u uuid, p text COLLATE "C") ON t.user_id = e.u AND t.provider = e.p
      ORDER BY t.user_id, t.provider FOR UPDATE OF t;
    WITH held AS MATERIALIZED (
        SELECT e.* FROM jsonb_to_recordset(ends) AS e (u uuid, p text COLLATE "C", token bigint, account text COLLATE "C", sources jsonb)
          JOIN poller.targets t ON t.user_id = e.u AND t.provider = e.p AND t.lease_token = e.token AND t.status = 'active'),
    read AS MATERIALIZED (
        SELECT h.u, h.p, h.account, s.* FROM held h
         CROSS JOIN LATERAL jsonb_to_recordset(h.sources) AS s (source text COLLATE "C", dues timestamptz[], next_due timestamptz, read_to timestamptz)),
    moved AS (
        UPDATE poller.sources s SET dues = r.dues, next_due = r.next_due, last_outcome = 'success' FROM read r
         WHERE s.user_id = r.u AND s.provider = r.p AND s.source = r.source),
    covered AS (
        UPDATE poller.coverage c SET covered_to = r.read_to FROM read r
         WHERE c.user_id = r.u AND c.provider = r.p AND c.account = r.account AND c.kind = r.source AND c.scheduled AND c.covered_to < r.read_to),
    ended AS (
        UPDATE poller.targets t SET lease_owner = NULL, lease_until = NULL,
               last_synced_at = greatest(t.last_synced_at, at), last_outcome = 'success',
               due_at = CASE WHEN n.waiting THEN t.due_at WHEN least(n.due, t.deep_due) IS NOT NULL THEN greatest(least(n.due, t.deep_due), t.not_before) END,
               due_priority = CASE WHEN n.waiting THEN t.due_priority WHEN n.due <= coalesce(t.deep_due, n.due) THEN 20 ELSE 40 END
          FROM held h CROSS JOIN LATERAL (
              SELECT EXISTS (SELECT FROM poller.windows w WHERE w.user_id = h.u AND w.provider = h.p AND w.status <> 'done') AS waiting,
                     (SELECT min(greatest(coalesce(r.next_due, s.next_due), s.not_before)) FROM poller.sources s
                        LEFT JOIN read r ON r.u = s.user_id AND r.p = s.provider AND r.source = s.source
                       WHERE s.user_id = h.u AND s.provider = h.p AND NOT s.refused AND s.next_due IS NOT NULL) AS due) n
         WHERE t.user_id = h.u AND t.provider = h.p
        RETURNING least(t.due_at, greatest(t.routes_due_at, t.not_before)) AS next)
    SELECT min(ended.next) INTO first FROM ended;
    PERFORM poller.book(jsonb_agg(e -> 'budget')) FROM jsonb_array_elements(ends) e WHERE e ? 'budget';
    IF first <= at THEN
        PERFORM pg_notify('poller_work', '');
    END IF;
    RETURN first;
END $$;
