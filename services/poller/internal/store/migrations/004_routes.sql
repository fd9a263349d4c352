-- What is known of the routes of activities whose records tell of one. Rows exist only
-- for providers that have routes. It can be made again from the log, but for what a
-- provider answered that did not have one.
CREATE TABLE poller.routes (
    user_id           uuid NOT NULL,
    provider          text COLLATE "C" NOT NULL,
    external_id       text COLLATE "C" NOT NULL,
    activity_sequence bigint NOT NULL, -- of the version that it is wanted for, or was asked for
    state             text NOT NULL CHECK (state IN ('wanted', 'fetched', 'absent', 'failed')),
    attempts          int NOT NULL DEFAULT 0, -- that failed in a row
    not_before        timestamptz NOT NULL,
    sequence          bigint NOT NULL DEFAULT 0, -- of the latest route in the log; 0: none
    content_hash      text NOT NULL DEFAULT '',  -- of that one
    PRIMARY KEY (user_id, provider, external_id)
);
CREATE INDEX routes_wanted ON poller.routes (user_id, provider, not_before, activity_sequence) WHERE state = 'wanted';

-- Routes wait behind every window, so when a target has some to ask for is apart
-- from due_at.
ALTER TABLE poller.targets
    ADD COLUMN routes_not_before timestamptz,
    ADD COLUMN routes_refused    boolean NOT NULL DEFAULT false, -- until the next consent
    ADD COLUMN routes_due_at     timestamptz;                    -- kept by refresh_routes
CREATE INDEX targets_routes ON poller.targets (routes_due_at) WHERE status = 'active' AND routes_due_at IS NOT NULL;

CREATE FUNCTION poller.refresh_routes(u uuid, p text) RETURNS void LANGUAGE sql AS $$
    UPDATE poller.targets t
       SET routes_due_at = CASE WHEN NOT t.routes_refused AND r.next IS NOT NULL THEN greatest(r.next, t.routes_not_before) END
      FROM (SELECT min(not_before) AS next FROM poller.routes
             WHERE user_id = u AND provider = p AND state = 'wanted') r
     WHERE t.user_id = u AND t.provider = p
$$;

CREATE VIEW poller.view_routes_v1 AS
SELECT user_id, provider, external_id, state FROM poller.routes;
