-- Writes the links $1, $2 (workout, primary or null), and says which have changed. Each is
-- a probe of the index, whatever the planner believes of the table: OFFSET keeps the
-- lateral query whole. The rows stay where they are meanwhile: only who has the turn of
-- their person writes them.
UPDATE workouts w SET duplicate_of = l.primary_id
FROM unnest($1::uuid[], $2::uuid[]) AS l (id, primary_id)
CROSS JOIN LATERAL (SELECT ctid AS place FROM workouts WHERE id = l.id AND duplicate_of IS DISTINCT FROM l.primary_id OFFSET 0) at
WHERE w.ctid = at.place
RETURNING w.id
