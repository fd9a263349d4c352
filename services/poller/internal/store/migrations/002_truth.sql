-- Whose record it is and where its civil start lies, as far as the log says: an
-- offset that is unknown counts as none.
ALTER TABLE poller.activity_index
    ADD COLUMN account            text COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN utc_offset_seconds int NOT NULL DEFAULT 0;

ALTER TABLE poller.windows
    ADD COLUMN removed  int NOT NULL DEFAULT 0,
    ADD COLUMN confirms boolean NOT NULL DEFAULT false, -- the poller's own second look at suspects
    ADD COLUMN suspects text[] NOT NULL DEFAULT '{}';   -- external ids that the request names
DROP INDEX poller.windows_scheduled;
CREATE UNIQUE INDEX windows_scheduled ON poller.windows (user_id, provider)
    WHERE trigger = 'scheduled' AND status <> 'done' AND NOT confirms;

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

-- How the provider has answered for the target's connection, and what oauth was told.
ALTER TABLE poller.targets
    ADD COLUMN trouble_class text NOT NULL DEFAULT '',
    ADD COLUMN trouble_since timestamptz,
    ADD COLUMN told_class    text NOT NULL DEFAULT '',
    ADD COLUMN told_late     boolean NOT NULL DEFAULT false; -- that it has lasted for long

-- The account '' is the app's own budget.
ALTER TABLE poller.budgets
    ADD COLUMN halvings smallint NOT NULL DEFAULT 0,     -- each halves what the quota allows
    ADD COLUMN refused  boolean NOT NULL DEFAULT false;  -- in the present period

CREATE OR REPLACE VIEW poller.view_syncs_v1 AS
SELECT id AS sync_id, user_id, provider, connection_id, trigger, window_from, window_to, status, not_before,
       json_build_object('pages', pages, 'seen', seen, 'new', new, 'changed', changed,
                         'unchanged', unchanged, 'removed', removed, 'rejected', rejected) AS counts,
       requested_at
  FROM poller.windows
 WHERE status <> 'done';
