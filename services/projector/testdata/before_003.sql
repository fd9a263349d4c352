-- Generation 1 as the program before migration 003 made it, and where it had come
-- to: two facts of one workout, seen through two providers.
CREATE SCHEMA projector_g1;
SET LOCAL search_path = projector_g1;

CREATE TABLE workout_versions (
    workout_id         uuid NOT NULL,
    sequence           bigint NOT NULL,
    origin_rank        smallint NOT NULL,
    at                 timestamptz NOT NULL,
    start_time         timestamptz,
    user_id            uuid NOT NULL,
    local_date         date,
    removed            boolean NOT NULL,
    normalizer_version integer NOT NULL,
    provider           text COLLATE "C" NOT NULL,
    external_id        text COLLATE "C" NOT NULL,
    event              text NOT NULL,
    event_id           text NOT NULL,
    fact_id            text NOT NULL,
    origin             text NOT NULL,
    format             text,
    type               text,
    category           text,
    doc                text,
    details            text,
    problem            text
) WITH (toast_tuple_target = 8160);
CREATE TABLE workouts (
    id                 uuid NOT NULL,
    user_id            uuid NOT NULL,
    version            bigint NOT NULL,
    start_time         timestamptz,
    created_at         timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL,
    removed_at         timestamptz,
    local_date         date,
    normalizer_version integer NOT NULL,
    duplicate_of       uuid,
    provider           text COLLATE "C" NOT NULL,
    external_id        text COLLATE "C" NOT NULL,
    type               text,
    category           text,
    doc                text
);

CREATE TABLE connection_history (
    sequence      bigint NOT NULL,
    connection_id text NOT NULL,
    user_id       uuid NOT NULL,
    provider      text COLLATE "C" NOT NULL,
    event         text NOT NULL,
    status        text NOT NULL,
    reason        text NOT NULL,
    at            timestamptz NOT NULL
);

ALTER TABLE workout_versions ADD PRIMARY KEY (workout_id, sequence);
CREATE INDEX workout_versions_by_user ON workout_versions (user_id);
CREATE INDEX workout_versions_problems ON workout_versions (sequence) WHERE problem IS NOT NULL;

ALTER TABLE workouts ADD PRIMARY KEY (id);
CREATE INDEX workouts_by_start ON workouts (user_id, start_time DESC, id DESC);

ALTER TABLE connection_history ADD PRIMARY KEY (sequence);
CREATE INDEX connection_history_by_user ON connection_history (user_id, sequence);

CREATE OR REPLACE VIEW projector.view_workouts_v1 AS
SELECT w.id, w.user_id, w.provider, w.external_id, w.type, w.category, w.start_time, w.local_date, w.removed_at,
       w.duplicate_of, w.version, w.doc, v.details, w.created_at, w.updated_at
FROM projector_g1.workouts w
LEFT JOIN projector_g1.workout_versions v ON v.workout_id = w.id AND v.sequence = w.version;

CREATE OR REPLACE VIEW projector.view_workout_versions_v1 AS
SELECT workout_id, user_id, sequence, event, event_id, fact_id, origin, at, normalizer_version, doc, problem
FROM projector_g1.workout_versions;

CREATE OR REPLACE VIEW projector.view_failures_v1 AS
SELECT sequence, user_id, provider, external_id, format, problem AS reason, at
FROM projector_g1.workout_versions
WHERE problem IS NOT NULL;

CREATE OR REPLACE VIEW projector.view_connections_history_v1 AS
SELECT connection_id, user_id, provider, sequence, event, status, reason, at
FROM projector_g1.connection_history;
