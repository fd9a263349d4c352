-- Workouts of the person $1 from number $2 to $3 of $4 at the provider $5, one every half hour back from now.
-- They lie in the table in another order than they started, as they do where many
-- people's arrive. Three of all are rowing, the others of six types.
INSERT INTO projector_g1.workouts (id, user_id, version, start_time, end_time, created_at, updated_at, local_date, normalizer_version,
                                   origin_rank, provider, external_id, type, category, doc)
SELECT gen_random_uuid(), $1, n, at, at + interval '20 minutes', now(), now(), at::date, 1, 1, $5, n::text,
       CASE WHEN n % ($4::int / 3) = 1 AND n < $4::int - 1 THEN 'rowing'
            ELSE (ARRAY ['running', 'walking', 'biking', 'swimming', 'yoga', 'hiking'])[1 + n % 6] END,
       'cardio', '{"n":' || n || ',"text":"' || repeat(md5(n::text), 34) || '"}'
FROM (SELECT n, date_trunc('hour', now()) - n * interval '30 minutes' AS at FROM generate_series($2::int, $3::int) n) numbered
ORDER BY md5(n::text)
