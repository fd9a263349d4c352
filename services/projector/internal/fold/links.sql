-- The links of the persons $1 that are still to be announced, as they are now.
SELECT s.workout_id, s.user_id, w.provider, s.link_version, s.changes, w.duplicate_of, s.changed_at
FROM projector.workout_links s
JOIN workouts w ON w.id = s.workout_id
WHERE s.user_id = ANY($1::text[]::uuid[]) AND s.changes > s.announced
ORDER BY s.workout_id
LIMIT $2
