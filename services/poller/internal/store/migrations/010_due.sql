-- refresh_due computes when a target has work again, and how urgent it is. Every
-- transaction that changes windows, scans or not_before calls it. It writes only what
-- changed, and wakes the workers only when the target is due earlier than it was: a
-- later instant is found by whoever looks for what is due next.
CREATE OR REPLACE FUNCTION poller.refresh_due(u uuid, p text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    t             poller.targets;
    next_window   timestamptz;
    next_priority smallint;
    next_scan     timestamptz;
    due           timestamptz;
    urgency       smallint;
BEGIN
    SELECT * INTO t FROM poller.targets WHERE user_id = u AND provider = p FOR UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT w.priority, coalesce(w.not_before, w.requested_at) INTO next_priority, next_window
      FROM poller.windows w WHERE w.user_id = u AND w.provider = p AND w.status <> 'done'
     ORDER BY coalesce(w.not_before, '-infinity'), w.priority LIMIT 1;
    SELECT min(s.next_due) INTO next_scan FROM poller.scans s WHERE s.user_id = u AND s.provider = p;
    due := least(next_window, next_scan, t.deep_due);
    IF t.status <> 'active' THEN
        due := NULL;
    ELSIF due IS NOT NULL THEN
        due := greatest(due, t.not_before);
    END IF;
    urgency := CASE WHEN next_window <= coalesce(least(next_scan, t.deep_due), next_window) THEN next_priority
                    WHEN next_scan <= coalesce(t.deep_due, next_scan) THEN 20
                    ELSE 40 END;
    IF due IS DISTINCT FROM t.due_at OR urgency <> t.due_priority OR t.routes_due_at < t.not_before THEN
        UPDATE poller.targets SET due_at = due, due_priority = urgency, routes_due_at = greatest(t.routes_due_at, CASE WHEN t.routes_due_at IS NOT NULL THEN t.not_before END)
         WHERE user_id = u AND provider = p;
    END IF;
    IF due < coalesce(t.due_at, 'infinity') THEN
        PERFORM pg_notify('poller_work', '');
    END IF;
END $$;

-- release gives leases back, those that are still held by their tokens, and says when
-- the first of these targets has work again. Whoever waits is told of one that has now.
CREATE FUNCTION poller.release(users uuid[], providers text[], tokens bigint[], at timestamptz) RETURNS timestamptz LANGUAGE plpgsql AS $$
DECLARE
    freed record;
    next  timestamptz;
    first timestamptz;
BEGIN
    FOR freed IN
        UPDATE poller.targets t SET lease_owner = NULL, lease_until = NULL
          FROM unnest(users, providers, tokens) AS x (u, p, token)
         WHERE t.user_id = x.u AND t.provider = x.p AND t.lease_token = x.token
        RETURNING t.user_id, t.provider
    LOOP
        PERFORM poller.refresh_due(freed.user_id, freed.provider);
        SELECT least(t.due_at, greatest(t.routes_due_at, t.not_before)) INTO next
          FROM poller.targets t WHERE t.user_id = freed.user_id AND t.provider = freed.provider AND t.status = 'active';
        first := least(first, next);
    END LOOP;
    IF first <= at THEN
        PERFORM pg_notify('poller_work', '');
    END IF;
    RETURN first;
END $$;
