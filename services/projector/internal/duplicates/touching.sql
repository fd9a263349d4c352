-- Where links must be worked out again once the workouts $1 have changed: at each
-- of them that touches another one or is linked, and at each that is linked to one of
-- them. Nobody depends on a duplicate, and on a primary only what is linked to it, so
-- where a workout was before needs no look.
--
-- All is probes of indexes, whatever the planner believes of new tables: OFFSET keeps
-- the lateral query whole, and EXISTS beside an OR cannot become a join.
WITH seeds AS (
    SELECT id, user_id, start_time, end_time, duplicate_of FROM workouts WHERE id = ANY($1) AND end_time IS NOT NULL
    UNION
    SELECT d.* FROM unnest($1::uuid[]) AS changed (id)
    CROSS JOIN LATERAL (
        SELECT id, user_id, start_time, end_time, duplicate_of FROM workouts WHERE duplicate_of = changed.id OFFSET 0
    ) d
)
SELECT id, user_id, start_time, end_time
FROM seeds s
WHERE duplicate_of IS NOT NULL
   OR EXISTS (SELECT FROM workouts w
              WHERE w.user_id = s.user_id AND w.start_time < s.end_time AND w.start_time > s.start_time - $2::interval
                AND w.end_time > s.start_time AND w.id <> s.id)
