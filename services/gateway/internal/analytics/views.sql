-- The views for analysts, over what every service publishes: so they follow a rebuild's
-- switch by themselves. Columns are only ever added at the end, and keep their types.
-- docs/sql.md shows the comments; a test compares the two.

-- The JSON is read once a row, whatever is asked of it, and not at all where nothing is:
-- an aggregate gives exactly one row, so the planner drops the join.
CREATE OR REPLACE VIEW analytics.workouts_with_duplicates AS
SELECT w.id AS workout_id, w.user_id, w.provider, w.external_id, w.type, w.category, d.provider_type, d.name,
       w.start_time, d.end_time, d.zone_offset, d.offset_source, w.local_date,
       (w.start_time AT TIME ZONE 'UTC') + d.zone_offset::interval AS local_start_time,
       d.duration_seconds, d.active_duration_seconds, d.distance_meters, d.calories_kcal, d.steps,
       d.avg_heart_rate_bpm, d.max_heart_rate_bpm, d.avg_speed_mps, d.avg_pace_sec_per_km, d.elevation_gain_meters,
       d.active_zone_minutes, d.recording_method, d.source, d.device, d.device_type, d.device_name,
       w.version, w.created_at, w.updated_at, w.duplicate_of
FROM projector.view_workouts_v1 w
LEFT JOIN LATERAL (
    SELECT max(j.provider_type) AS provider_type, max(j.name) AS name, max(j.end_time) AS end_time, max(j.zone_offset) AS zone_offset,
           max(j.offset_source) AS offset_source, max(j.duration_seconds) AS duration_seconds,
           max(j.active_duration_seconds) AS active_duration_seconds, max(j.distance_meters) AS distance_meters,
           max(j.calories_kcal) AS calories_kcal, max(j.steps) AS steps, max(j.avg_heart_rate_bpm) AS avg_heart_rate_bpm,
           max(j.max_heart_rate_bpm) AS max_heart_rate_bpm, max(j.avg_speed_mps) AS avg_speed_mps,
           max(j.avg_pace_sec_per_km) AS avg_pace_sec_per_km, max(j.elevation_gain_meters) AS elevation_gain_meters,
           max(j.active_zone_minutes) AS active_zone_minutes, max(j.recording_method) AS recording_method,
           max(j.source ->> 'source') AS source, max(j.source ->> 'device') AS device,
           max(j.source ->> 'device_type') AS device_type, max(j.source ->> 'device_name') AS device_name
    FROM json_to_record(w.doc::json) AS j(
           provider_type text, name text, end_time timestamptz, zone_offset text, offset_source text, duration_seconds double precision,
           active_duration_seconds double precision, distance_meters double precision, calories_kcal double precision, steps bigint,
           avg_heart_rate_bpm bigint, max_heart_rate_bpm bigint, avg_speed_mps double precision, avg_pace_sec_per_km double precision,
           elevation_gain_meters double precision, active_zone_minutes bigint, recording_method text, source json)
) d ON true
WHERE w.removed_at IS NULL;

CREATE OR REPLACE VIEW analytics.workouts AS
SELECT workout_id, user_id, provider, external_id, type, category, provider_type, name, start_time, end_time, zone_offset, offset_source,
       local_date, local_start_time, duration_seconds, active_duration_seconds, distance_meters, calories_kcal, steps, avg_heart_rate_bpm,
       max_heart_rate_bpm, avg_speed_mps, avg_pace_sec_per_km, elevation_gain_meters, active_zone_minutes, recording_method, source, device,
       device_type, device_name, version, created_at, updated_at
FROM analytics.workouts_with_duplicates
WHERE duplicate_of IS NULL;

CREATE OR REPLACE VIEW analytics.workout_heart_rate_zones AS
SELECT w.id AS workout_id, w.user_id, w.type, w.local_date, z.position::integer AS position, z.zone, z.min_bpm, z.max_bpm, z.duration_seconds, z.calories_kcal
FROM projector.view_workouts_v1 w
CROSS JOIN LATERAL ROWS FROM (
    json_to_recordset(CASE json_typeof(w.doc::json -> 'heart_rate_zones') WHEN 'array' THEN w.doc::json -> 'heart_rate_zones' ELSE '[]' END)
        AS (zone text, min_bpm bigint, max_bpm bigint, duration_seconds double precision, calories_kcal double precision)
) WITH ORDINALITY AS z(zone, min_bpm, max_bpm, duration_seconds, calories_kcal, position)
WHERE w.removed_at IS NULL AND w.duplicate_of IS NULL;

CREATE OR REPLACE VIEW analytics.workout_versions AS
SELECT v.workout_id, v.user_id, v.sequence AS version, v.sequence = w.version AS is_current, v.event, v.origin, v.at,
       v.normalizer_version, v.problem IS NULL AS is_readable,
       d.type, d.start_time, d.duration_seconds, d.distance_meters, d.calories_kcal, d.steps
FROM projector.view_workout_versions_v1 v
JOIN projector.view_workouts_v1 w ON w.id = v.workout_id
LEFT JOIN LATERAL (
    SELECT max(j.type) AS type, max(j.start_time) AS start_time, max(j.duration_seconds) AS duration_seconds,
           max(j.distance_meters) AS distance_meters, max(j.calories_kcal) AS calories_kcal, max(j.steps) AS steps
    FROM json_to_record(v.doc::json) AS j(type text, start_time timestamptz, duration_seconds double precision,
                                          distance_meters double precision, calories_kcal double precision, steps bigint)
) d ON true
WHERE w.removed_at IS NULL;

CREATE OR REPLACE VIEW analytics.users AS
SELECT id AS user_id, external_user_id, created_at
FROM gateway.users;

CREATE OR REPLACE VIEW analytics.connections AS
SELECT c.id AS connection_id, c.user_id, c.provider, c.status, c.since AS status_since, c.reason, c.next_action, c.scope,
       c.created_at, c.updated_at, t.last_synced_at, t.next_sync_at
FROM oauth.view_connections_v1 c
LEFT JOIN poller.view_targets_v1 t ON t.connection_id = c.id;

CREATE OR REPLACE VIEW analytics.connection_history AS
SELECT CASE WHEN connection_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN connection_id::uuid END AS connection_id, user_id, provider, event, status, reason, at, sequence
FROM projector.view_connections_history_v1;

-- The poller names an account by its connection where the provider does not tell it.
CREATE OR REPLACE VIEW analytics.coverage AS
SELECT c.id AS connection_id, c.user_id, c.provider, v.kind, v.covered_from, v.covered_to
FROM oauth.view_connections_v1 c
JOIN poller.view_coverage_v1 v ON v.user_id = c.user_id AND v.provider = c.provider
     AND v.provider_account_id = coalesce(nullif(c.provider_user_id, ''), c.id::text);

-- One row a sync: how it ended, else what the poller does with it, else what was reported
-- last, else what was asked for. The user is among the distinct columns so that a
-- condition on it reaches each part.
CREATE OR REPLACE VIEW analytics.syncs AS
SELECT s.sync_id, s.user_id, s.provider, s.connection_id, s.trigger, s.status, s.requested_at, s.finished_at, s.not_before,
       s.window_from, s.window_to, s.covered_from, s.covered_to,
       (s.counts ->> 'pages')::bigint AS pages, (s.counts ->> 'seen')::bigint AS records_seen, (s.counts ->> 'new')::bigint AS records_new,
       (s.counts ->> 'changed')::bigint AS records_changed, (s.counts ->> 'unchanged')::bigint AS records_unchanged,
       (s.counts ->> 'removed')::bigint AS records_removed, (s.counts ->> 'rejected')::bigint AS records_rejected,
       s.error ->> 'code' AS error_code
FROM (
    SELECT DISTINCT ON (user_id, sync_id) *
    FROM (
        SELECT sync_id, user_id, provider, connection_id, trigger, window_from, window_to, covered_from, covered_to, status, not_before,
               counts, error, requested_at, finished_at, CASE WHEN status IN ('success', 'partial', 'failed') THEN 1 ELSE 3 END AS rank
        FROM projector.view_syncs_v1
        UNION ALL
        SELECT sync_id, user_id, provider, connection_id, trigger, window_from, window_to, NULL, NULL, status, not_before,
               counts, NULL, requested_at, NULL, 2
        FROM poller.view_syncs_v1
        UNION ALL
        SELECT sync_id, user_id, provider, connection_id, trigger, window_from, window_to, NULL, NULL, 'queued', NULL,
               NULL, NULL, requested_at, NULL, 4
        FROM gateway.sync_requests
    ) every
    ORDER BY user_id, sync_id, rank
) s;
