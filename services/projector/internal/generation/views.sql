-- What other services may read. %[1]s is the generation's schema. Columns are only ever added at the end.

-- details joins by a unique key, so the planner drops the join where nobody asks for it.
CREATE OR REPLACE VIEW projector.view_workouts_v1 AS
SELECT w.id, w.user_id, w.provider, w.external_id, w.type, w.category, w.start_time, w.local_date, w.removed_at,
       w.duplicate_of, w.version, w.doc, v.details, w.created_at, w.updated_at
FROM %[1]s.workouts w
LEFT JOIN %[1]s.workout_versions v ON v.workout_id = w.id AND v.sequence = w.version;

CREATE OR REPLACE VIEW projector.view_workout_versions_v1 AS
SELECT workout_id, user_id, sequence, event, event_id, fact_id, origin, at, normalizer_version, doc, problem
FROM %[1]s.workout_versions;

CREATE OR REPLACE VIEW projector.view_failures_v1 AS
SELECT sequence, user_id, provider, external_id, format, problem AS reason, at
FROM %[1]s.workout_versions
WHERE problem IS NOT NULL;

CREATE OR REPLACE VIEW projector.view_connections_history_v1 AS
SELECT connection_id, user_id, provider, sequence, event, status, reason, at
FROM %[1]s.connection_history;

-- A workout's route is the one with the highest sequence. A removal ends all before it.
CREATE OR REPLACE VIEW projector.view_workout_routes_v1 AS
SELECT r.workout_id, r.user_id, r.sequence, r.activity_sequence, r.format, r.at
FROM %[1]s.workout_routes r
WHERE NOT EXISTS (SELECT FROM %[1]s.workout_versions v WHERE v.workout_id = r.workout_id AND v.removed AND v.sequence > r.sequence);

CREATE OR REPLACE VIEW projector.view_record_counts_v1 AS
SELECT user_id, kind, provider, type, hidden, count
FROM %[1]s.record_counts
WHERE count > 0;
