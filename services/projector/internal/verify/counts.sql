-- Whose counts are not the numbers of their workouts. A count of zero and none are alike.
SELECT DISTINCT user_id::text
FROM (SELECT user_id, provider, type, hidden, count FROM record_counts WHERE kind = 'activity' AND count <> 0) kept
FULL JOIN (SELECT user_id, provider, coalesce(type, '') AS type, duplicate_of IS NOT NULL AS hidden, count(*) AS count
           FROM workouts WHERE removed_at IS NULL
           GROUP BY user_id, provider, coalesce(type, ''), duplicate_of IS NOT NULL) counted
    USING (user_id, provider, type, hidden)
WHERE kept.count IS DISTINCT FROM counted.count
ORDER BY 1
