-- Which of the workouts $1, of the users $2, lie in an island that is too large, and
-- where. %[1]s is the end of what a workout touches. OFFSET keeps the workouts a read by
-- id: an island can hold any number. Usually there is no island, and nothing is read.
SELECT i.user_id, i.since, i.until, w.id, w.start_time, w.until
FROM (
    SELECT id, user_id, start_time, %[1]s AS until FROM workouts
    WHERE id = ANY($1) AND end_time IS NOT NULL
      AND EXISTS (SELECT FROM unlinked_islands WHERE user_id = ANY($2::text[]::uuid[]))
    OFFSET 0
) w
JOIN unlinked_islands i ON i.user_id = w.user_id AND i.since <= w.start_time AND w.start_time < i.until
