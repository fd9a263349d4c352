-- How the versions of both generations differ, those left out that are above the sequence $1 and not folded yet.
SELECT count(*) FILTER (WHERE n.problem IS NULL AND o.problem IS NULL AND n.sequence IS NOT NULL AND o.sequence IS NOT NULL
                          AND (n.doc, n.details) IS DISTINCT FROM (o.doc, o.details)),
       count(*) FILTER (WHERE o.problem IS NOT NULL AND n.sequence IS NOT NULL AND n.problem IS NULL),
       count(*) FILTER (WHERE n.problem IS NOT NULL AND o.sequence IS NOT NULL AND o.problem IS NULL),
       count(*) FILTER (WHERE o.sequence IS NULL AND n.sequence <= $1),
       count(*) FILTER (WHERE n.sequence IS NULL)
FROM %[1]s.workout_versions n
FULL JOIN %[2]s.workout_versions o ON o.workout_id = n.workout_id AND o.sequence = n.sequence
