-- Where links must be worked out again once the workouts $1 have changed: at each
-- of them that touches another one, lies in an island that is too large or is linked,
-- and at each that is linked to one of them. Nobody depends on a duplicate, and on a
-- primary only what is linked to it, so where a workout of an island that is linked
-- was before needs no look.
--
-- All is probes of indexes, whatever the planner believes of new tables: OFFSET keeps
-- the lateral query whole, and EXISTS beside an OR cannot become a join. %[1]s is the
-- end of what a workout touches, $2 the longest that it can touch; of what starts
-- before it the %[2]d nearest are enough.
WITH seeds AS (
    SELECT c.* FROM unnest($1::uuid[]) AS changed (id)
    CROSS JOIN LATERAL (
        SELECT id, user_id, start_time, %[1]s AS until, duplicate_of FROM workouts WHERE id = changed.id AND end_time IS NOT NULL OFFSET 0
    ) c
    UNION
    SELECT d.* FROM unnest($1::uuid[]) AS changed (id)
    CROSS JOIN LATERAL (
        SELECT id, user_id, start_time, %[1]s, duplicate_of FROM workouts WHERE duplicate_of = changed.id OFFSET 0
    ) d
)
SELECT id, user_id, start_time, until, duplicate_of IS NOT NULL
FROM seeds s
WHERE duplicate_of IS NOT NULL
   OR EXISTS (SELECT FROM workouts w
              WHERE w.user_id = s.user_id AND w.start_time >= s.start_time AND w.start_time < s.until AND w.id <> s.id)
   OR (SELECT EXISTS (SELECT FROM unlinked_islands)) -- usually there is none
  AND EXISTS (SELECT FROM unlinked_islands i
              WHERE i.user_id = s.user_id AND i.since < s.until AND i.until > s.start_time)
   OR EXISTS (SELECT FROM (SELECT %[1]s AS until FROM workouts w
                           WHERE w.user_id = s.user_id AND w.start_time < s.start_time AND w.start_time > s.start_time - $2::interval
                           ORDER BY w.start_time DESC LIMIT %[2]d) near
              WHERE near.until > s.start_time)
