-- Workouts that the serving generation (%[1]s) shows otherwise than the one before
-- (%[2]s), or links otherwise, in the order of their ids. A fact that was not folded into
-- the one before is left to its live batch. One version is one fact: where it is the same,
-- only what was read out of the record can differ.
SELECT *
FROM (
    SELECT n.id, n.user_id, n.version, n.provider, n.external_id, n.normalizer_version, n.updated_at, n.doc, v.details, v.event, v.fact_id,
           n.version <= $2 AND (o.id IS NULL OR (n.version, n.doc, v.details) IS DISTINCT FROM (o.version, o.doc, b.details)) AS reads,
           o.id IS NULL OR (n.version, n.normalizer_version) > (o.version, o.normalizer_version) AS newer,
           n.duplicate_of IS DISTINCT FROM o.duplicate_of AS relinked
    FROM %[1]s.workouts n
    JOIN %[1]s.workout_versions v ON v.workout_id = n.id AND v.sequence = n.version
    LEFT JOIN %[2]s.workouts o ON o.id = n.id
    LEFT JOIN %[2]s.workout_versions b ON b.workout_id = o.id AND b.sequence = o.version
    WHERE n.id > $1
) compared
WHERE reads OR relinked
ORDER BY id
LIMIT $3
