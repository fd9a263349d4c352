-- The tables of one generation. The search path is the generation's schema.

-- Every version of every activity: the source of the table workouts.
CREATE TABLE workout_versions (
    workout_id         uuid NOT NULL,
    sequence           bigint NOT NULL,  -- of the fact in STRIDELOG_FACTS
    origin_rank        smallint NOT NULL,
    at                 timestamptz NOT NULL, -- the fact's time
    start_time         timestamptz,
    end_time           timestamptz,
    user_id            uuid NOT NULL,
    local_date         date,
    removed            boolean NOT NULL,
    normalizer_version integer NOT NULL, -- 0 for a removal and for an unknown format
    provider           text COLLATE "C" NOT NULL,
    external_id        text COLLATE "C" NOT NULL,
    event              text NOT NULL,    -- recorded, updated, removed
    event_id           text NOT NULL,
    fact_id            text NOT NULL,
    origin             text NOT NULL,
    format             text,
    type               text,
    category           text,
    source_rank        smallint,         -- this and the next four say what the record is worth beside others of the same workout
    plausible          boolean,
    measured           boolean,
    measures           smallint,         -- how many of distance, heart rate and device were measured
    members            smallint,         -- which of distance and heart rate it tells
    doc                text,             -- JSON of the workout without details; null for a removal or a problem
    details            text,
    problem            text              -- why the record gave no workout; null when nothing is wrong
) WITH (toast_tuple_target = 8160);      -- bytes; a usual row has 2 KB, where PostgreSQL would begin to compress it

-- The winning version of each activity that has one that can be shown.
CREATE TABLE workouts (
    id                 uuid NOT NULL,
    user_id            uuid NOT NULL,
    version            bigint NOT NULL,  -- sequence of the winning fact
    start_time         timestamptz,
    end_time           timestamptz,
    created_at         timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL,
    removed_at         timestamptz,
    local_date         date,
    normalizer_version integer NOT NULL,
    origin_rank        smallint NOT NULL,
    duplicate_of       uuid,             -- the primary, which itself is no duplicate
    source_rank        smallint,         -- this and the next four are those of the version
    measures           smallint,
    members            smallint,
    plausible          boolean,
    measured           boolean,
    routed             boolean NOT NULL DEFAULT false, -- a route of it is known
    provider           text COLLATE "C" NOT NULL,
    external_id        text COLLATE "C" NOT NULL,
    type               text,             -- this and start_time, end_time, local_date, category, duplicate_of, doc and what it is worth are null once removed
    category           text,
    doc                text
);

-- Where activities went: files in the log. A workout can have several.
CREATE TABLE workout_routes (
    workout_id        uuid NOT NULL,
    sequence          bigint NOT NULL,      -- of the fact in STRIDELOG_FACTS
    activity_sequence bigint NOT NULL,      -- of the activity's version that it was asked for
    user_id           uuid NOT NULL,
    format            text NOT NULL,
    at                timestamptz NOT NULL  -- the fact's time
);

-- Spans of a person in which too many workouts touch each other: none of them is linked.
CREATE TABLE unlinked_islands (
    user_id uuid NOT NULL,
    since   timestamptz NOT NULL,
    until   timestamptz NOT NULL
);

-- How many records of a person there are, hidden duplicates apart: what lists say without
-- counting. A row may stay with a count of zero. See counts.sql.
CREATE TABLE record_counts (
    user_id  uuid NOT NULL,
    kind     text COLLATE "C" NOT NULL,
    provider text COLLATE "C" NOT NULL,
    type     text COLLATE "C" NOT NULL,
    hidden   boolean NOT NULL,
    count    bigint NOT NULL
);

CREATE TABLE connection_history (
    sequence      bigint NOT NULL,
    connection_id text NOT NULL,
    user_id       uuid NOT NULL,
    provider      text COLLATE "C" NOT NULL,
    event         text NOT NULL, -- activated, status_changed, revoked
    status        text NOT NULL,
    reason        text NOT NULL,
    at            timestamptz NOT NULL
);

-- Facts that could not be folded, because the program did not know the type of the
-- event, or the kind or the format of its record. The first program that knows it folds them.
CREATE TABLE unknown_facts (
    sequence bigint NOT NULL,              -- of the fact in STRIDELOG_FACTS
    user_id  uuid NOT NULL,
    type     text COLLATE "C" NOT NULL,    -- of the event
    format   text COLLATE "C" NOT NULL     -- of the record, <kind>/<format> where it names a kind; empty where the type is not known
);
