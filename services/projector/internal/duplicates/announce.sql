-- Notes that the links of the workouts $1 are to be announced as they are.
INSERT INTO projector.workout_links AS s (workout_id, user_id, link_version, changes, announced)
SELECT w.id, w.user_id,
       greatest((SELECT max(sequence) FROM workout_versions v WHERE v.user_id = w.user_id),
                (SELECT max(sequence) FROM workout_routes r WHERE r.user_id = w.user_id)), 1, 0
FROM workouts w
WHERE w.id = ANY($1)
ORDER BY w.id
ON CONFLICT (workout_id) DO UPDATE
SET link_version = greatest(s.link_version, excluded.link_version), changes = s.changes + 1, changed_at = now()
