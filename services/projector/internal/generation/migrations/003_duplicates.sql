-- What links between duplicates need, in the generations that are there already. Their
-- rows take part once they are folded again; a rebuild links all.
DO $$
DECLARE
    generation name;
BEGIN
    FOR generation IN SELECT nspname FROM pg_namespace WHERE nspname ~ '^projector_g[0-9]+$' LOOP
        EXECUTE format('ALTER TABLE %I.workout_versions ADD COLUMN IF NOT EXISTS end_time timestamptz', generation);
        EXECUTE format('ALTER TABLE %I.workouts ADD COLUMN IF NOT EXISTS end_time timestamptz,
            ADD COLUMN IF NOT EXISTS origin_rank smallint NOT NULL DEFAULT 0', generation);
        EXECUTE format('CREATE INDEX IF NOT EXISTS workouts_duplicates ON %I.workouts (duplicate_of) WHERE duplicate_of IS NOT NULL', generation);
    END LOOP;
END
$$;
