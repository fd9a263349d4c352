-- The workouts of the islands $1, $2, $3 (user, since, until), island by island, and of
-- none more than tell that it is too large. OFFSET keeps each island a range of the
-- index of its own.
SELECT p.n, w.*
FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[]) WITH ORDINALITY AS p (user_id, since, until, n)
CROSS JOIN LATERAL (
    SELECT %[1]s FROM workouts
    WHERE user_id = p.user_id AND start_time >= p.since AND start_time < p.until
    LIMIT %[2]d OFFSET 0
) w
