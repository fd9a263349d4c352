-- The islands of the spans $1 to $4 (user, since, swept, until): each span holds
-- workouts that touch each other, and may be a part of an island. swept is how far it
-- need not be read, or null. %[1]s is the end of what a workout touches, $5 the longest
-- that it can touch; of what starts before a span the %[2]d nearest are enough.
WITH RECURSIVE asked AS (
    SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::timestamptz[]) WITH ORDINALITY AS a (user_id, since, swept, until, n)
), back AS (
    SELECT n, user_id, since FROM asked
    UNION ALL
    SELECT b.n, b.user_id, e.since
    FROM back b
    CROSS JOIN LATERAL (
        SELECT min(near.start_time) AS since
        FROM (SELECT start_time, %[1]s AS until FROM workouts
              WHERE user_id = b.user_id AND start_time < b.since AND start_time > b.since - $5::interval
              ORDER BY start_time DESC LIMIT %[2]d) near
        WHERE near.until > b.since
    ) e
    WHERE e.since IS NOT NULL
), begun AS (
    SELECT n, min(since) AS since FROM back GROUP BY n
), forth AS (
    SELECT a.n, a.user_id, coalesce(a.swept, b.since) AS swept, a.until FROM asked a JOIN begun b USING (n)
    UNION ALL
    SELECT f.n, f.user_id, f.until, e.until
    FROM forth f
    CROSS JOIN LATERAL (
        SELECT max(%[1]s) AS until FROM workouts
        WHERE user_id = f.user_id AND start_time >= f.swept AND start_time < f.until
    ) e
    WHERE e.until > f.until
)
SELECT b.n, b.since, max(f.until)
FROM begun b JOIN forth f USING (n)
GROUP BY b.n, b.since
