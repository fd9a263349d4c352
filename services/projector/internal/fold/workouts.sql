-- The fold: what a workout is, as a function of the set of its versions alone. So
-- order, repetition and batching cannot matter, live or in a rebuild.
--
-- The winner is the highest (origin rank, sequence) among the versions that can be
-- shown: a removal, or a record that was understood. A record that was not leaves
-- the last good version in place. %[1]s says which workouts.
INSERT INTO workouts AS w (id, user_id, version, start_time, created_at, updated_at, removed_at, local_date,
                           normalizer_version, provider, external_id, type, category, doc)
SELECT v.workout_id, v.user_id, v.sequence, v.start_time, a.created_at, v.at, CASE WHEN v.removed THEN v.at END, v.local_date,
       v.normalizer_version, v.provider, v.external_id, v.type, v.category, v.doc
FROM (SELECT DISTINCT ON (workout_id) workout_id, sequence
      FROM workout_versions
      WHERE problem IS NULL AND %[1]s
      ORDER BY workout_id, origin_rank DESC, sequence DESC) winner
JOIN (SELECT workout_id, min(at) AS created_at
      FROM workout_versions
      WHERE %[1]s
      GROUP BY workout_id) a USING (workout_id)
JOIN workout_versions v USING (workout_id, sequence)
ORDER BY workout_id
ON CONFLICT (id) DO UPDATE SET
    version = excluded.version, start_time = excluded.start_time, created_at = excluded.created_at,
    updated_at = excluded.updated_at, removed_at = excluded.removed_at, local_date = excluded.local_date,
    normalizer_version = excluded.normalizer_version, type = excluded.type, category = excluded.category, doc = excluded.doc
WHERE (w.version, w.created_at) IS DISTINCT FROM (excluded.version, excluded.created_at)
