-- The workouts that start in the windows $1, $2, $3 (user, since, until), window by
-- window. OFFSET keeps each window a range of the index of its own.
SELECT p.n, w.id, w.user_id, w.provider, w.origin_rank, w.start_time, w.end_time, w.type, w.category, w.duplicate_of
FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[]) WITH ORDINALITY AS p (user_id, since, until, n)
CROSS JOIN LATERAL (
    SELECT * FROM workouts
    WHERE user_id = p.user_id AND start_time >= p.since AND start_time < p.until AND end_time IS NOT NULL
    OFFSET 0
) w
