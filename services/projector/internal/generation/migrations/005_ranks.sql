-- The rank of what an older program folded, which migration 003 left at zero: that of
-- the version that is shown.
DO $$
DECLARE
    generation name;
BEGIN
    FOR generation IN SELECT nspname FROM pg_namespace WHERE nspname ~ '^projector_g[0-9]+$' LOOP
        EXECUTE format('UPDATE %1$I.workouts w SET origin_rank = v.origin_rank FROM %1$I.workout_versions v
            WHERE v.workout_id = w.id AND v.sequence = w.version AND v.origin_rank <> w.origin_rank', generation);
    END LOOP;
END
$$;
