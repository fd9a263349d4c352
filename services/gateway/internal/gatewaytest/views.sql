-- The published views of the other services, on tables that a test can fill.
CREATE SCHEMA oauth;
CREATE TABLE oauth.connections (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), user_id uuid NOT NULL, provider text NOT NULL, status text NOT NULL,
    since timestamptz NOT NULL DEFAULT now(), reason text, next_action text, provider_user_id text,
    scope text[] NOT NULL DEFAULT '{activity}', created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(),
    linked_connection_ids uuid[] NOT NULL DEFAULT '{}'
);
CREATE VIEW oauth.view_connections_v1 AS SELECT * FROM oauth.connections;

CREATE SCHEMA poller;
CREATE TABLE poller.targets (
    user_id uuid NOT NULL, provider text NOT NULL, connection_id uuid NOT NULL, last_synced_at timestamptz, next_sync_at timestamptz
);
CREATE VIEW poller.view_targets_v1 AS SELECT * FROM poller.targets;
CREATE TABLE poller.syncs (
    sync_id uuid PRIMARY KEY, user_id uuid NOT NULL, provider text NOT NULL, connection_id uuid NOT NULL, trigger text NOT NULL,
    window_from timestamptz NOT NULL, window_to timestamptz NOT NULL, status text NOT NULL, not_before timestamptz, counts json NOT NULL,
    requested_at timestamptz NOT NULL, kinds json
);
CREATE VIEW poller.view_syncs_v1 AS SELECT * FROM poller.syncs;
CREATE TABLE poller.imports (
    import_id uuid PRIMARY KEY, user_id uuid NOT NULL, provider text NOT NULL, kind text NOT NULL, dry_run boolean NOT NULL DEFAULT false,
    status text NOT NULL DEFAULT 'queued', report jsonb NOT NULL DEFAULT '{}', error jsonb, requested_at timestamptz NOT NULL,
    started_at timestamptz, finished_at timestamptz, time_zone text
);
CREATE VIEW poller.view_imports_v1 AS SELECT * FROM poller.imports;

CREATE TABLE poller.coverage (
    user_id uuid NOT NULL, provider text COLLATE "C" NOT NULL, provider_account_id text COLLATE "C" NOT NULL, kind text COLLATE "C" NOT NULL,
    covered_from timestamptz NOT NULL, covered_to timestamptz NOT NULL
);
CREATE VIEW poller.view_coverage_v1 AS SELECT * FROM poller.coverage;
CREATE TABLE poller.routes (user_id uuid NOT NULL, provider text NOT NULL, external_id text NOT NULL, state text NOT NULL);
CREATE VIEW poller.view_routes_v1 AS SELECT * FROM poller.routes;

CREATE SCHEMA projector;
CREATE TABLE projector.workouts (
    id uuid PRIMARY KEY, user_id uuid NOT NULL, provider text NOT NULL DEFAULT 'fitbit', external_id text NOT NULL DEFAULT '1',
    type text NOT NULL DEFAULT 'running', category text NOT NULL DEFAULT 'running', start_time timestamptz NOT NULL, local_date date,
    removed_at timestamptz, duplicate_of uuid, version bigint NOT NULL DEFAULT 1, doc text, details text,
    created_at timestamptz NOT NULL DEFAULT '2026-09-01T00:00:00Z', updated_at timestamptz NOT NULL DEFAULT '2026-09-02T00:00:00.5Z'
);
CREATE INDEX ON projector.workouts (user_id, start_time DESC, id DESC);
CREATE VIEW projector.view_workouts_v1 AS SELECT * FROM projector.workouts;
CREATE VIEW projector.view_record_counts_v1 AS
SELECT user_id, 'activity' AS kind, provider, type, duplicate_of IS NOT NULL AS hidden, count(*) AS count
FROM projector.workouts WHERE removed_at IS NULL GROUP BY user_id, provider, type, duplicate_of IS NOT NULL;
CREATE TABLE projector.versions (
    workout_id uuid NOT NULL, user_id uuid NOT NULL, sequence bigint NOT NULL, event text NOT NULL, event_id text NOT NULL, fact_id text NOT NULL,
    origin text NOT NULL, at timestamptz NOT NULL, normalizer_version int, doc text, problem text
);
CREATE VIEW projector.view_workout_versions_v1 AS SELECT * FROM projector.versions;
CREATE TABLE projector.routes (
    workout_id uuid NOT NULL, user_id uuid NOT NULL, sequence bigint NOT NULL, activity_sequence bigint NOT NULL, format text NOT NULL, at timestamptz NOT NULL
);
CREATE VIEW projector.view_workout_routes_v1 AS SELECT * FROM projector.routes;
CREATE TABLE projector.syncs (
    sync_id uuid PRIMARY KEY, user_id uuid NOT NULL, provider text NOT NULL, connection_id uuid, trigger text NOT NULL,
    window_from timestamptz NOT NULL, window_to timestamptz NOT NULL, covered_from timestamptz, covered_to timestamptz, status text NOT NULL,
    not_before timestamptz, counts json, error json, requested_at timestamptz NOT NULL, finished_at timestamptz, report int NOT NULL, kinds json
);
CREATE VIEW projector.view_syncs_v1 AS SELECT * FROM projector.syncs;
CREATE TABLE projector.connection_history (
    sequence bigint PRIMARY KEY, connection_id text NOT NULL, user_id uuid NOT NULL, provider text NOT NULL, event text NOT NULL,
    status text NOT NULL, reason text NOT NULL, at timestamptz NOT NULL
);
CREATE VIEW projector.view_connections_history_v1 AS
SELECT connection_id, user_id, provider, sequence, event, status, reason, at FROM projector.connection_history;
