-- What was read of a provider account, kind by kind: each row is a stretch that was
-- read completely. Stretches neither overlap nor touch. They outlive connections, so
-- that a new consent knows where the reading of the account ended.
CREATE TABLE poller.coverage (
    user_id      uuid NOT NULL,
    provider     text COLLATE "C" NOT NULL,
    account      text COLLATE "C" NOT NULL, -- at the provider, or the connection where that is unknown
    kind         text COLLATE "C" NOT NULL,
    covered_from timestamptz NOT NULL,
    covered_to   timestamptz NOT NULL CHECK (covered_to > covered_from), -- exclusive
    -- Read by a first sync or the timetable, or joined with such a stretch. A gap
    -- between two of these is closed; one beside a requested sync may stay.
    scheduled    boolean NOT NULL,
    PRIMARY KEY (user_id, provider, account, kind, covered_from)
);

-- What earlier versions knew: until when the present connections were up to date.
INSERT INTO poller.coverage (user_id, provider, account, kind, covered_from, covered_to, scheduled)
SELECT user_id, provider, coalesce(nullif(provider_account_id, ''), connection_id::text), 'activity',
       last_synced_at - interval '1 day', last_synced_at, true
  FROM poller.targets WHERE last_synced_at IS NOT NULL;

-- The deep scan: rare, far back, behind everything else.
ALTER TABLE poller.targets ADD COLUMN deep_due timestamptz; -- null: none is wanted
ALTER TABLE poller.windows ADD COLUMN deep boolean NOT NULL DEFAULT false;
DROP INDEX poller.windows_scheduled;
CREATE UNIQUE INDEX windows_scheduled ON poller.windows (user_id, provider, deep)
    WHERE trigger = 'scheduled' AND status <> 'done' AND NOT confirms;

CREATE OR REPLACE FUNCTION poller.refresh_due(u uuid, p text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    next_window   timestamptz;
    next_priority smallint;
    next_scan     timestamptz;
BEGIN
    SELECT w.priority, coalesce(w.not_before, w.requested_at) INTO next_priority, next_window
      FROM poller.windows w WHERE w.user_id = u AND w.provider = p AND w.status <> 'done'
     ORDER BY coalesce(w.not_before, '-infinity'), w.priority LIMIT 1;
    SELECT min(s.next_due) INTO next_scan FROM poller.scans s WHERE s.user_id = u AND s.provider = p;
    UPDATE poller.targets t
       SET due_at = CASE WHEN t.status = 'active'
                         THEN greatest(least(next_window, next_scan, t.deep_due),
                                       CASE WHEN least(next_window, next_scan, t.deep_due) IS NOT NULL THEN t.not_before END) END,
           due_priority = CASE WHEN next_window <= coalesce(least(next_scan, t.deep_due), next_window) THEN next_priority
                               WHEN next_scan <= coalesce(t.deep_due, next_scan) THEN 20
                               ELSE 40 END
     WHERE t.user_id = u AND t.provider = p;
    PERFORM pg_notify('poller_work', '');
END $$;

CREATE VIEW poller.view_coverage_v1 AS
SELECT user_id, provider, account AS provider_account_id, kind, covered_from, covered_to
  FROM poller.coverage;
