-- Which of the workouts $1, of the users $2, lie in an island that is too large, and
-- where. %[1]s is the end of what a workout touches. OFFSET keeps the lateral query
-- whole: usually there is no island, and then nothing is read of the workouts.
SELECT i.user_id, i.since, i.until, w.id, w.start_time, w.until
FROM unlinked_islands i
CROSS JOIN LATERAL (
    SELECT id, start_time, %[1]s AS until FROM workouts
    WHERE id = ANY($1) AND user_id = i.user_id AND start_time >= i.since AND start_time < i.until
    OFFSET 0
) w
WHERE i.user_id = ANY($2::text[]::uuid[])
