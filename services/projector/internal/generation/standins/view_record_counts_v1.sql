SELECT user_id, 'activity'::text COLLATE "C" AS kind, provider, coalesce(type, '') COLLATE "C" AS type, duplicate_of IS NOT NULL AS hidden, count(*) AS count
FROM %[1]s.workouts
WHERE removed_at IS NULL
GROUP BY user_id, provider, coalesce(type, ''), duplicate_of IS NOT NULL
