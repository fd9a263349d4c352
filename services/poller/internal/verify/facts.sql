-- Each fact that the index should have seen, beside what the index knows of its
-- record. Nothing is expected of a person who was erased.
SELECT f.ord - 1, i.sequence, i.origin, i.removed, i.content_hash, i.hash_version
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[]) WITH ORDINALITY AS f (user_id, provider, external_id, fence, sequence, ord)
JOIN poller.targets t ON t.user_id = f.user_id AND t.provider = f.provider AND t.stream_epoch = $6
 AND CASE f.fence WHEN 'record' THEN t.record_sequence WHEN 'chunk' THEN t.chunk_sequence ELSE t.index_sequence END >= f.sequence
LEFT JOIN poller.activity_index i ON i.user_id = f.user_id AND i.provider = f.provider AND i.external_id = f.external_id
WHERE NOT EXISTS (SELECT FROM poller.erased_users e WHERE e.user_hash = sha256(convert_to(f.user_id::text, 'UTF8')))
ORDER BY f.ord
