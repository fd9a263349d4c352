-- Every page with new records looks for imports that start at about the same time.
-- Most users have none: the look must not read all that is known of a user.
CREATE INDEX activity_index_imported ON poller.activity_index (user_id, provider, started_at)
    WHERE origin = 'import' AND NOT removed;
