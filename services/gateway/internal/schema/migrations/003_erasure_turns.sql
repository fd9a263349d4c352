-- An erasure takes every row first, and then messages from the log in turns. One that an
-- older version began starts again; what is gone already is no fault.
ALTER TABLE gateway.erasures DROP CONSTRAINT erasures_state_check;
UPDATE gateway.erasures SET state = 'accepted' WHERE state <> 'done';
ALTER TABLE gateway.erasures
    ADD CONSTRAINT erasures_state_check CHECK (state IN ('accepted', 'rows_erased', 'log_erased', 'done')),
    ADD COLUMN progress jsonb NOT NULL DEFAULT '{}', -- whose rows are gone, and how far the log is; no id of the user
    ADD COLUMN messages_left bigint;                 -- in the log; null until they are counted
