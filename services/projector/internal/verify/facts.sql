-- Each fact beside its version and the workout that it belongs to. A person who was
-- erased has neither, whatever is still in hand of the log.
SELECT f.sequence, f.id::text, f.user_id::text,
       v.sequence IS NOT NULL                                              AS stored,
       coalesce((v.origin_rank, v.removed, v.fact_id, v.user_id) = (f.origin_rank, f.removed, f.fact_id, f.user_id), false) AS same,
       coalesce(v.problem IS NULL, false)                                  AS shows,
       w.id IS NOT NULL                                                    AS shown,
       coalesce((w.origin_rank, w.version) < (f.origin_rank, f.sequence), false) AS behind,
       coalesce(w.version = f.sequence AND (w.user_id, w.origin_rank, w.removed_at IS NOT NULL) <> (f.user_id, f.origin_rank, f.removed), false) AS differs
FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::smallint[], $5::boolean[], $6::text[]) AS f (id, user_id, sequence, origin_rank, removed, fact_id)
LEFT JOIN workout_versions v ON v.workout_id = f.id AND v.sequence = f.sequence
LEFT JOIN workouts w ON w.id = f.id
WHERE NOT EXISTS (SELECT FROM projector.erased_users e WHERE e.user_hash = sha256(convert_to(f.user_id::text, 'UTF8')))
ORDER BY f.sequence
