-- Workouts that a rebuilt generation (%[1]s) shows otherwise than the serving one (%[2]s),
-- whole and in the order of their ids. Rows are compared as JSON, so that the serving one
-- may have the columns of another layout. A fact above $1 that is not there is not folded yet.
SELECT coalesce(n.id, o.id)::text, to_jsonb(o) - 'doc', o.doc, b.details, to_jsonb(n) - 'doc', n.doc, v.details
FROM %[1]s.workouts n
FULL JOIN %[2]s.workouts o ON o.id = n.id
LEFT JOIN %[1]s.workout_versions v ON v.workout_id = n.id AND v.sequence = n.version
LEFT JOIN %[2]s.workout_versions b ON b.workout_id = o.id AND b.sequence = o.version
WHERE (coalesce(n.version, 0) <= $1 OR EXISTS (SELECT FROM %[2]s.workout_versions f WHERE f.workout_id = n.id AND f.sequence = n.version))
  AND (v.details IS DISTINCT FROM b.details OR to_jsonb(n) IS DISTINCT FROM to_jsonb(o))
ORDER BY 1
