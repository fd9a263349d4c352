-- The fold: what a workout is, as a function of the set of its versions alone. So
-- order, repetition and batching cannot matter, live or in a rebuild.
--
-- The winner is the highest (origin rank, sequence) among the versions that can be
-- shown: a removal, or a record that was understood. A record that was not leaves
-- the last good version in place, and comes last here. %[1]s says which workouts.
--
-- A route counts unless a removal of the workout came after it, whatever its versions.
--
-- One pass finds winner, earliest time and last removal. Two subqueries that are joined would do
-- as well, but the planner takes their join for one row and loops over all of it.
INSERT INTO workouts AS w (id, user_id, version, start_time, end_time, created_at, updated_at, removed_at, local_date,
                           normalizer_version, origin_rank, source_rank, measures, members, plausible, measured, routed,
                           provider, external_id, type, category, doc)
SELECT v.workout_id, v.user_id, v.sequence, v.start_time, v.end_time, winner.created_at, v.at, CASE WHEN v.removed THEN v.at END, v.local_date,
       v.normalizer_version, v.origin_rank, v.source_rank, v.measures, v.members, v.plausible, v.measured,
       EXISTS (SELECT FROM workout_routes r WHERE r.workout_id = v.workout_id AND r.sequence > winner.ended),
       v.provider, v.external_id, v.type, v.category, v.doc
FROM (SELECT DISTINCT ON (workout_id) workout_id, sequence, min(at) OVER workout AS created_at,
             coalesce(max(sequence) FILTER (WHERE removed) OVER workout, 0) AS ended
      FROM workout_versions
      WHERE %[1]s
      WINDOW workout AS (PARTITION BY workout_id)
      ORDER BY workout_id, problem IS NOT NULL, origin_rank DESC, sequence DESC) winner
JOIN workout_versions v USING (workout_id, sequence)
WHERE v.problem IS NULL
ORDER BY workout_id
ON CONFLICT (id) DO UPDATE SET
    version = excluded.version, start_time = excluded.start_time, end_time = excluded.end_time, created_at = excluded.created_at,
    updated_at = excluded.updated_at, removed_at = excluded.removed_at, local_date = excluded.local_date,
    normalizer_version = excluded.normalizer_version, origin_rank = excluded.origin_rank,
    source_rank = excluded.source_rank, measures = excluded.measures, members = excluded.members, plausible = excluded.plausible,
    measured = excluded.measured, routed = excluded.routed, type = excluded.type, category = excluded.category, doc = excluded.doc,
    -- A link stays until it is worked out again; what is removed has none.
    duplicate_of = CASE WHEN excluded.end_time IS NOT NULL THEN w.duplicate_of END
WHERE (w.version, w.created_at, w.routed) IS DISTINCT FROM (excluded.version, excluded.created_at, excluded.routed)
