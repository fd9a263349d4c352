CREATE TABLE gateway.users (
    id               uuid PRIMARY KEY,
    external_user_id text UNIQUE,
    first_name       text,
    last_name        text,
    email            text,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX users_created ON gateway.users (created_at, id);

-- Keys are 256 random bits, so a plain hash is enough and can be looked up.
CREATE TABLE gateway.api_keys (
    id           uuid PRIMARY KEY,
    hash         bytea NOT NULL UNIQUE CHECK (length(hash) = 32),
    name         text NOT NULL,
    admin        boolean NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz
);

-- What was asked for, so that a sync can be read from the moment it is accepted.
CREATE TABLE gateway.sync_requests (
    sync_id      uuid PRIMARY KEY,
    user_id      uuid NOT NULL REFERENCES gateway.users ON DELETE CASCADE,
    provider     text NOT NULL,
    connection_id uuid,
    trigger      text NOT NULL,
    window_from  timestamptz NOT NULL,
    window_to    timestamptz NOT NULL CHECK (window_to > window_from),
    requested_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX sync_requests_user ON gateway.sync_requests (user_id, requested_at, sync_id);

-- No foreign key: an erasure outlives its user. The user's id is here only while
-- the other services still need it.
CREATE TABLE gateway.erasures (
    id           uuid PRIMARY KEY,
    user_hash    bytea NOT NULL CHECK (length(user_hash) = 32),
    user_id      uuid UNIQUE,
    state        text NOT NULL CHECK (state IN ('accepted', 'oauth_erased', 'poller_erased', 'projector_erased', 'done')),
    counts       jsonb NOT NULL DEFAULT '{}',
    attempts     integer NOT NULL DEFAULT 0,
    last_error   text,
    not_before   timestamptz NOT NULL DEFAULT now(),
    requested_at timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    finished_at  timestamptz,
    receipt      jsonb,
    CHECK ((state = 'done') = (user_id IS NULL)),
    CHECK ((state = 'done') = (receipt IS NOT NULL))
);

CREATE INDEX erasures_unfinished ON gateway.erasures (not_before) WHERE state <> 'done';
