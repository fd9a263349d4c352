-- What the poller knows of a connection, whatever order its events come in.
CREATE TABLE poller.connections (
    id          uuid PRIMARY KEY,
    user_id     uuid NOT NULL,
    provider    text COLLATE "C" NOT NULL,
    status      text NOT NULL CHECK (status IN ('active', 'paused', 'ended')),
    reason      text NOT NULL DEFAULT '',
    next_action text NOT NULL DEFAULT '',
    sequence    bigint NOT NULL -- of the fact that said so
);
CREATE INDEX connections_user ON poller.connections (user_id);

-- One row per user and provider: what is polled, and who holds it.
CREATE TABLE poller.targets (
    user_id             uuid NOT NULL,
    provider            text COLLATE "C" NOT NULL,
    connection_id       uuid NOT NULL,
    provider_account_id text NOT NULL,
    scopes              text[] NOT NULL,
    activated_sequence  bigint NOT NULL, -- of the latest ConnectionActivated
    status              text NOT NULL CHECK (status IN ('active', 'paused', 'ended')),
    lease_owner         text,
    lease_until         timestamptz,
    lease_token         bigint NOT NULL DEFAULT 0, -- rises with every lease; every write of a worker checks it
    index_sequence      bigint NOT NULL DEFAULT 0, -- the last activity fact that activity_index has seen
    stream_epoch        text NOT NULL DEFAULT '',  -- the life of the log that index_sequence belongs to
    last_synced_at      timestamptz,
    last_outcome        text NOT NULL DEFAULT '',  -- of the latest scheduled sync
    failures            int NOT NULL DEFAULT 0,
    not_before          timestamptz,
    due_at              timestamptz,               -- kept by refresh_due
    due_priority        smallint NOT NULL DEFAULT 0,
    -- How the provider has answered for the connection, and what oauth was told.
    trouble_class       text NOT NULL DEFAULT '',
    trouble_since       timestamptz,
    told_class          text NOT NULL DEFAULT '',
    told_late           boolean NOT NULL DEFAULT false, -- that it has lasted for long
    PRIMARY KEY (user_id, provider)
);
CREATE INDEX targets_due ON poller.targets (due_priority, due_at) WHERE status = 'active' AND due_at IS NOT NULL;
CREATE INDEX targets_connection ON poller.targets (connection_id);

-- A unit of work. A finished one stays for a day, so that its request delivered
-- again finds it.
CREATE TABLE poller.windows (
    id             uuid PRIMARY KEY, -- the sync's id
    user_id        uuid NOT NULL,
    provider       text COLLATE "C" NOT NULL,
    connection_id  uuid NOT NULL,
    trigger        text NOT NULL,
    priority       smallint NOT NULL, -- the lowest comes first
    window_from    timestamptz NOT NULL,
    window_to      timestamptz NOT NULL,
    status         text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'running', 'deferred', 'done')),
    cursor         text NOT NULL DEFAULT '', -- of the next page; may name an account
    cursor_at      timestamptz,
    covered_from   timestamptz, -- [covered_from, window_to) has been read
    pass_to        timestamptz NOT NULL, -- the present pass reads [window_from, pass_to); the cursor belongs to it
    pages          int NOT NULL DEFAULT 0,
    seen           int NOT NULL DEFAULT 0,
    new            int NOT NULL DEFAULT 0,
    changed        int NOT NULL DEFAULT 0,
    unchanged      int NOT NULL DEFAULT 0,
    rejected       int NOT NULL DEFAULT 0,
    removed        int NOT NULL DEFAULT 0,
    attempts       int NOT NULL DEFAULT 0,
    report         int NOT NULL DEFAULT 0, -- how many SyncFinished were said about it
    not_before     timestamptz,
    requested_at   timestamptz NOT NULL,
    finished_at    timestamptz,
    trace          text NOT NULL DEFAULT '', -- traceparent of the request
    confirms       boolean NOT NULL DEFAULT false, -- the poller's own second look at suspects
    suspects       text[] NOT NULL DEFAULT '{}'    -- external ids that the request names
);
CREATE INDEX windows_work ON poller.windows (user_id, provider, priority, window_to DESC) WHERE status <> 'done';
CREATE INDEX windows_done ON poller.windows (finished_at) WHERE status = 'done';
-- There is one scheduled window at a time: a wider scan takes the narrower one's place.
CREATE UNIQUE INDEX windows_scheduled ON poller.windows (user_id, provider)
    WHERE trigger = 'scheduled' AND status <> 'done' AND NOT confirms;

-- The schedule.
CREATE TABLE poller.scans (
    user_id      uuid NOT NULL,
    provider     text COLLATE "C" NOT NULL,
    span_seconds bigint NOT NULL, -- the tier
    next_due     timestamptz NOT NULL,
    PRIMARY KEY (user_id, provider, span_seconds)
);

-- A projection of the log: the latest version of every activity.
CREATE TABLE poller.activity_index (
    user_id      uuid NOT NULL,
    provider     text COLLATE "C" NOT NULL,
    external_id  text COLLATE "C" NOT NULL,
    sequence     bigint NOT NULL,
    content_hash text NOT NULL,
    hash_version int NOT NULL,
    origin       text NOT NULL,
    removed      boolean NOT NULL,
    sync_id      uuid,
    account      text COLLATE "C" NOT NULL, -- that it was read from; '' when the log does not say
    -- The civil start: an offset that is unknown counts as none.
    started_at         timestamptz,
    utc_offset_seconds int NOT NULL,
    PRIMARY KEY (user_id, provider, external_id)
);

-- Records that a window should hold and did not. A row means nothing any more when
-- the index knows a later version than the one that was missed.
CREATE TABLE poller.suspects (
    user_id      uuid NOT NULL,
    provider     text COLLATE "C" NOT NULL,
    external_id  text COLLATE "C" NOT NULL,
    sequence     bigint NOT NULL, -- of the version that is missed
    first_absent timestamptz,     -- end of the first complete pass without it; null: only a notice says so
    mass_since   timestamptz,     -- when it first was one of too many
    PRIMARY KEY (user_id, provider, external_id)
);

-- The last message that each durable has given us. A durable that acknowledged more
-- than this shows that the database is older than the log.
CREATE TABLE poller.progress (
    durable  text PRIMARY KEY,
    epoch    text NOT NULL,
    sequence bigint NOT NULL
);

CREATE TABLE poller.budgets (
    provider  text COLLATE "C" NOT NULL,
    account   text COLLATE "C" NOT NULL, -- the provider account, or the connection where that is unknown; '' is the app's own
    remaining int NOT NULL,
    quota     int NOT NULL,
    told      boolean NOT NULL,          -- the quota comes from an answer, not from our configuration
    reset_at  timestamptz NOT NULL,
    halvings  smallint NOT NULL,         -- each halves what the quota allows
    refused   boolean NOT NULL,          -- in the present period
    PRIMARY KEY (provider, account)
);

-- SHA-256 of the ids of erased users: whatever still arrives about them is dropped.
CREATE TABLE poller.erased_users (
    user_hash bytea PRIMARY KEY,
    erased_at timestamptz NOT NULL
);

CREATE TABLE poller.outbox (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject    text NOT NULL,
    header     jsonb NOT NULL,
    data       bytea NOT NULL,
    parked     text, -- why JetStream refuses it for good
    created_at timestamptz NOT NULL DEFAULT now()
);

-- refresh_due computes when a target has work again, and how urgent it is. Every
-- transaction that changes windows, scans or not_before calls it and so wakes the
-- workers when it commits.
CREATE FUNCTION poller.refresh_due(u uuid, p text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    next_window   timestamptz;
    next_priority smallint;
    next_scan     timestamptz;
    work_at       timestamptz;
BEGIN
    SELECT w.priority, coalesce(w.not_before, w.requested_at) INTO next_priority, next_window
      FROM poller.windows w WHERE w.user_id = u AND w.provider = p AND w.status <> 'done'
     ORDER BY coalesce(w.not_before, '-infinity'), w.priority LIMIT 1;
    SELECT min(s.next_due) INTO next_scan FROM poller.scans s WHERE s.user_id = u AND s.provider = p;
    work_at := least(next_window, next_scan);
    UPDATE poller.targets t
       SET due_at = CASE WHEN t.status = 'active' AND work_at IS NOT NULL THEN greatest(work_at, t.not_before) END,
           due_priority = CASE WHEN next_window IS NOT NULL AND next_window <= coalesce(next_scan, next_window)
                               THEN next_priority ELSE 20 END
     WHERE t.user_id = u AND t.provider = p;
    PERFORM pg_notify('poller_work', '');
END $$;

CREATE VIEW poller.view_targets_v1 AS
SELECT user_id, provider, connection_id, last_synced_at, due_at AS next_sync_at
  FROM poller.targets;

CREATE VIEW poller.view_syncs_v1 AS
SELECT id AS sync_id, user_id, provider, connection_id, trigger, window_from, window_to, status, not_before,
       json_build_object('pages', pages, 'seen', seen, 'new', new, 'changed', changed,
                         'unchanged', unchanged, 'removed', removed, 'rejected', rejected) AS counts,
       requested_at
  FROM poller.windows
 WHERE status <> 'done';
