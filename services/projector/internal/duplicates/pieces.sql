-- The islands among the workouts that start in the span $1, $2, $3 (user, since, until),
-- but for those of a single workout. %[1]s is the end of what a workout touches.
SELECT $1::uuid, min(start_time), max(until), count(*)
FROM (
    SELECT start_time, until, count(*) FILTER (WHERE start_time >= reached) OVER (ORDER BY start_time, id) AS piece
    FROM (
        SELECT id, start_time, until,
               max(until) OVER (ORDER BY start_time, id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reached
        FROM (SELECT id, start_time, %[1]s AS until FROM workouts
              WHERE user_id = $1 AND start_time >= $2 AND start_time < $3) w
    ) reaching
) pieces
GROUP BY piece
HAVING count(*) > 1
