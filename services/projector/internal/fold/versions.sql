-- A version that is there already is the same fact, delivered again.
INSERT INTO workout_versions (workout_id, sequence, origin_rank, at, start_time, end_time, user_id, local_date, removed,
                              normalizer_version, provider, external_id, event, event_id, fact_id, origin, format,
                              type, category, doc, details, problem,
                              source_rank, plausible, measured, measures, members)
SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::smallint[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[], $7::uuid[], $8::date[],
                     $9::boolean[], $10::integer[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[],
                     $17::text[], $18::text[], $19::text[], $20::text[], $21::text[], $22::text[],
                     $23::smallint[], $24::boolean[], $25::boolean[], $26::smallint[], $27::smallint[])
ON CONFLICT DO NOTHING
