SELECT NULL::uuid AS workout_id, NULL::uuid AS user_id, NULL::bigint AS sequence, NULL::bigint AS activity_sequence, NULL::text AS format, NULL::timestamptz AS at
WHERE false
