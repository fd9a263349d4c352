-- Whether the island $1, $2, $3 (user, since, until) is still one, and too large, without
-- the workouts that were at $4, $5 (since, until): more than %[3]d start in it, and each
-- of the places is covered by one other workout. %[1]s is the end of what a workout
-- touches, $6 the longest that it can touch; the %[2]d nearest are looked at.
SELECT (SELECT count(*) FROM (SELECT FROM workouts
                              WHERE user_id = $1 AND start_time >= $2 AND start_time < $3 LIMIT %[3]d + 1) first) > %[3]d
   AND NOT EXISTS (
    SELECT FROM unnest($4::timestamptz[], $5::timestamptz[]) AS p (since, until)
    WHERE NOT EXISTS (SELECT FROM (SELECT %[1]s AS until FROM workouts
                                   WHERE user_id = $1 AND start_time <= p.since AND start_time > p.since - $6::interval
                                   ORDER BY start_time DESC LIMIT %[2]d) near
                      WHERE near.until >= p.until))
