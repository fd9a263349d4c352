-- The index knows records of every kind. Its key, external_id, is a record's external id
-- where the kind is activity, and else that with the kind before it: so a key stays
-- unique, and earlier programs, which look for activities alone, find what they know.
ALTER TABLE poller.activity_index
    ADD COLUMN kind       text COLLATE "C" NOT NULL DEFAULT 'activity',
    ADD COLUMN resource   text COLLATE "C" NOT NULL DEFAULT '', -- of the provider, where a kind has several
    ADD COLUMN part       boolean NOT NULL DEFAULT false, -- the latest delivery only adds to the earlier ones
    -- What lists are ordered by. Of activities started_at says it, which stays null for
    -- the rest: earlier programs would miss those in a list of activities.
    ADD COLUMN began_at   timestamptz,
    ADD COLUMN ended_at   timestamptz,
    ADD COLUMN local_date date; -- that the provider states

-- Each scope of the log has a last fact that the index has seen; index_sequence is that
-- of activities.
ALTER TABLE poller.targets
    ADD COLUMN record_sequence bigint NOT NULL DEFAULT 0,
    ADD COLUMN chunk_sequence  bigint NOT NULL DEFAULT 0;
