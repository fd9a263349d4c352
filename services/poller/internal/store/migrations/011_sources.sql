-- What is read of a target, source by source: its timetable, how its reading goes, and
-- its own rest. scans and last_outcome of a target stay for earlier programs.
CREATE TABLE poller.sources (
    user_id      uuid NOT NULL,
    provider     text COLLATE "C" NOT NULL,
    source       text COLLATE "C" NOT NULL,
    kind         text COLLATE "C" NOT NULL,        -- of its records
    spans        bigint[] NOT NULL,                -- the tiers, in seconds, rising
    dues         timestamptz[] NOT NULL,           -- when each tier is due
    next_due     timestamptz,                      -- the first of them; null: none
    last_outcome text NOT NULL DEFAULT '',         -- of the latest scheduled sync
    failures     int NOT NULL DEFAULT 0,           -- in a row
    not_before   timestamptz,                      -- rests until then
    refused      boolean NOT NULL DEFAULT false,   -- the provider wants a scope that it did not name; until the next consent
    PRIMARY KEY (user_id, provider, source)
);

INSERT INTO poller.sources (user_id, provider, source, kind, spans, dues, next_due, last_outcome)
SELECT s.user_id, s.provider, 'activity', 'activity', array_agg(s.span_seconds ORDER BY s.span_seconds),
       array_agg(s.next_due ORDER BY s.span_seconds), min(s.next_due), t.last_outcome
  FROM poller.scans s JOIN poller.targets t USING (user_id, provider) GROUP BY s.user_id, s.provider, t.last_outcome;

-- A sync owns a window for each source that it reads. The first has the sync's id.
ALTER TABLE poller.windows
    ADD COLUMN source  text COLLATE "C" NOT NULL DEFAULT 'activity',
    ADD COLUMN kind    text COLLATE "C" NOT NULL DEFAULT 'activity',
    ADD COLUMN sync_id uuid,
    ADD COLUMN outcome text NOT NULL DEFAULT '', -- how a window that is done ended
    ADD COLUMN error   jsonb;                    -- {code, detail}: why
UPDATE poller.windows SET sync_id = id;
CREATE FUNCTION poller.own_sync() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.sync_id := coalesce(NEW.sync_id, NEW.id); -- earlier programs do not name it
    RETURN NEW;
END $$;
CREATE TRIGGER own_sync BEFORE INSERT ON poller.windows FOR EACH ROW EXECUTE FUNCTION poller.own_sync();
ALTER TABLE poller.windows ALTER COLUMN sync_id SET NOT NULL;
CREATE INDEX windows_sync ON poller.windows (sync_id);
DROP INDEX poller.windows_scheduled;
CREATE UNIQUE INDEX windows_scheduled ON poller.windows (user_id, provider, source, deep)
    WHERE trigger = 'scheduled' AND status <> 'done' AND NOT confirms;

-- A window waits while its source rests. A target that an earlier program has begun has
-- no row in sources yet: then its scans say when it is due.
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
    SELECT w.priority, coalesce(greatest(w.not_before, s.not_before), w.requested_at) INTO next_priority, next_window
      FROM poller.windows w LEFT JOIN poller.sources s USING (user_id, provider, source)
     WHERE w.user_id = u AND w.provider = p AND w.status <> 'done'
     ORDER BY coalesce(greatest(w.not_before, s.not_before), '-infinity'), w.priority LIMIT 1;
    SELECT min(greatest(s.next_due, s.not_before)) INTO next_scan
      FROM poller.sources s WHERE s.user_id = u AND s.provider = p AND s.next_due IS NOT NULL AND NOT s.refused;
    IF NOT EXISTS (SELECT FROM poller.sources WHERE user_id = u AND provider = p) THEN
        SELECT min(s.next_due) INTO next_scan FROM poller.scans s WHERE s.user_id = u AND s.provider = p;
    END IF;
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

-- A sync that is under way: its status and counts over all of its windows, and by kind.
CREATE OR REPLACE VIEW poller.view_syncs_v1 AS
SELECT s.sync_id, s.user_id, s.provider, a.connection_id, a.trigger, a.window_from, a.window_to, a.status,
       CASE WHEN a.status = 'deferred' THEN a.not_before END AS not_before, a.counts, a.requested_at, k.kinds
  FROM (SELECT DISTINCT sync_id, user_id, provider FROM poller.windows WHERE status <> 'done') s
 CROSS JOIN LATERAL (
    SELECT (array_agg(w.connection_id))[1] AS connection_id, min(w.trigger) AS trigger, min(w.window_from) AS window_from, max(w.window_to) AS window_to,
           CASE WHEN bool_or(w.status = 'running') THEN 'running' WHEN bool_or(w.status = 'queued') THEN 'queued' ELSE 'deferred' END AS status,
           min(w.not_before) FILTER (WHERE w.status = 'deferred') AS not_before, min(w.requested_at) AS requested_at,
           json_build_object('pages', sum(pages), 'seen', sum(seen), 'new', sum(new), 'changed', sum(changed),
                             'unchanged', sum(unchanged), 'removed', sum(removed), 'rejected', sum(rejected)) AS counts
      FROM poller.windows w WHERE w.sync_id = s.sync_id) a
 CROSS JOIN LATERAL (
    SELECT json_agg(json_strip_nulls(json_build_object('kind', g.kind, 'status', g.status, 'counts', g.counts, 'error', g.error)) ORDER BY g.kind) AS kinds
      FROM (SELECT w.kind,
                   CASE WHEN bool_or(x.state = 'running') THEN 'running' WHEN bool_or(x.state = 'queued') THEN 'queued'
                        WHEN bool_or(x.state = 'deferred') THEN 'deferred' WHEN bool_and(x.state = 'skipped') THEN 'skipped'
                        WHEN bool_and(x.state IN ('failed', 'skipped')) THEN 'failed'
                        WHEN bool_and(x.state IN ('success', 'skipped')) THEN 'success' ELSE 'partial' END AS status,
                   json_build_object('pages', sum(pages), 'seen', sum(seen), 'new', sum(new), 'changed', sum(changed),
                                     'unchanged', sum(unchanged), 'removed', sum(removed), 'rejected', sum(rejected)) AS counts,
                   (array_agg(w.error ORDER BY w.id) FILTER (WHERE w.error IS NOT NULL))[1] AS error
              FROM poller.windows w CROSS JOIN LATERAL (SELECT CASE WHEN w.status = 'done' THEN w.outcome ELSE w.status END) x (state)
             WHERE w.sync_id = s.sync_id GROUP BY w.kind) g) k;
