-- Routes, in the generations that are there already.
DO $$
DECLARE
    generation name;
BEGIN
    FOR generation IN SELECT nspname FROM pg_namespace WHERE nspname ~ '^projector_g[0-9]+$' LOOP
        EXECUTE format('CREATE TABLE IF NOT EXISTS %I.workout_routes (
            workout_id uuid NOT NULL, sequence bigint NOT NULL, activity_sequence bigint NOT NULL, user_id uuid NOT NULL,
            format text NOT NULL, at timestamptz NOT NULL, PRIMARY KEY (workout_id, sequence))', generation);
        EXECUTE format('CREATE INDEX IF NOT EXISTS workout_routes_by_user ON %I.workout_routes (user_id)', generation);
    END LOOP;
    FOR generation IN SELECT 'projector_g' || p.generation FROM projector.pointer p LOOP
        EXECUTE format('CREATE OR REPLACE VIEW projector.view_workout_routes_v1 AS
            SELECT r.workout_id, r.user_id, r.sequence, r.activity_sequence, r.format, r.at FROM %1$I.workout_routes r
            WHERE NOT EXISTS (SELECT FROM %1$I.workout_versions v WHERE v.workout_id = r.workout_id AND v.removed AND v.sequence > r.sequence)', generation);
    END LOOP;
END
$$;
