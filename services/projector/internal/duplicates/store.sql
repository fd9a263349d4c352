-- Writes the links $1, $2 (workout, primary or null), and says which have changed.
UPDATE workouts w SET duplicate_of = l.primary_id
FROM unnest($1::uuid[], $2::uuid[]) AS l (id, primary_id)
WHERE w.id = l.id AND w.duplicate_of IS DISTINCT FROM l.primary_id
RETURNING w.id
