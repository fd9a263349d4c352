-- The counts of a generation that has been filled and linked, and what keeps them from
-- then on: each statement that writes workouts adds what it changed, in its transaction.
-- Whoever writes a person's workouts has their turn, so no two wait for each other here.
-- Rows are only deleted with all of their person's, whose counts go too.

INSERT INTO record_counts (user_id, kind, provider, type, hidden, count)
SELECT user_id, 'activity', provider, coalesce(type, ''), duplicate_of IS NOT NULL, count(*)
FROM workouts
WHERE removed_at IS NULL
GROUP BY user_id, provider, coalesce(type, ''), duplicate_of IS NOT NULL;

-- The search path of the functions is that of now, the generation's.
CREATE FUNCTION count_inserted_workouts() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO record_counts AS c (user_id, kind, provider, type, hidden, count)
    SELECT user_id, 'activity', provider, coalesce(type, ''), duplicate_of IS NOT NULL, count(*)
    FROM added
    WHERE removed_at IS NULL
    GROUP BY user_id, provider, coalesce(type, ''), duplicate_of IS NOT NULL
    ON CONFLICT (user_id, kind, provider, type, hidden) DO UPDATE SET count = c.count + excluded.count;
    RETURN NULL;
END
$$;

CREATE FUNCTION count_updated_workouts() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO record_counts AS c (user_id, kind, provider, type, hidden, count)
    SELECT user_id, 'activity', provider, type, hidden, sum(change)
    FROM (SELECT user_id, provider, coalesce(type, '') AS type, duplicate_of IS NOT NULL AS hidden, 1 AS change
          FROM added WHERE removed_at IS NULL
          UNION ALL
          SELECT user_id, provider, coalesce(type, ''), duplicate_of IS NOT NULL, -1
          FROM replaced WHERE removed_at IS NULL) changes
    GROUP BY user_id, provider, type, hidden
    HAVING sum(change) <> 0
    ON CONFLICT (user_id, kind, provider, type, hidden) DO UPDATE SET count = c.count + excluded.count;
    RETURN NULL;
END
$$;

CREATE TRIGGER count_inserted AFTER INSERT ON workouts REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION count_inserted_workouts();
CREATE TRIGGER count_updated AFTER UPDATE ON workouts REFERENCING NEW TABLE AS added OLD TABLE AS replaced
    FOR EACH STATEMENT EXECUTE FUNCTION count_updated_workouts();
