-- What is true of every generation, and what no rebuild may forget.

-- One row: which generation serves, and how far the log is folded into it.
CREATE TABLE projector.pointer (
    only_row    boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    generation  bigint NOT NULL,
    epoch       text NOT NULL,   -- of STRIDELOG_FACTS; a sequence means nothing without it
    high_water  bigint NOT NULL, -- the highest sequence folded
    moved_at    timestamptz NOT NULL DEFAULT now()
);

-- sha256 of the id of each person who was erased: nothing is written about them again.
CREATE TABLE projector.erased_users (
    user_hash  bytea PRIMARY KEY,
    erasure_id text NOT NULL,
    erased_at  timestamptz NOT NULL DEFAULT now()
);

-- Syncs are no part of a generation: their stream forgets after 90 days, this table does not.
CREATE TABLE projector.syncs (
    sync_id       uuid PRIMARY KEY,
    user_id       uuid NOT NULL,
    provider      text COLLATE "C" NOT NULL,
    connection_id uuid,
    trigger       text NOT NULL,
    window_from   timestamptz NOT NULL,
    window_to     timestamptz NOT NULL,
    covered_from  timestamptz,
    covered_to    timestamptz,
    status        text NOT NULL,
    not_before    timestamptz,
    counts        json,
    error         json,
    requested_at  timestamptz NOT NULL,
    finished_at   timestamptz,
    report        integer NOT NULL, -- 0: only requested; the highest wins
    sequence      bigint NOT NULL   -- of the event; between equal reports the later wins
);

CREATE INDEX syncs_by_user ON projector.syncs (user_id, requested_at DESC, sync_id DESC);

CREATE VIEW projector.view_syncs_v1 AS
SELECT sync_id, user_id, provider, connection_id, trigger, window_from, window_to, covered_from, covered_to,
       status, not_before, counts, error, requested_at, finished_at, report
FROM projector.syncs;
