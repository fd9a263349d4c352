-- The targets whose timetable is not as the configuration has it. Parameters: the
-- expected sources of the configured providers as JSON, and whether there is a deep scan.
WITH expected AS MATERIALIZED (
    SELECT provider, source, ARRAY(SELECT jsonb_array_elements_text(spans)::bigint) AS spans,
           ARRAY(SELECT jsonb_array_elements_text(scopes)) AS scopes
      FROM jsonb_to_recordset($1::jsonb) AS x (provider text, source text, spans jsonb, scopes jsonb))
SELECT t.user_id::text, t.provider, t.connection_id::text, t.provider_account_id, t.scopes
  FROM poller.targets t
 WHERE t.status <> 'ended' AND t.provider IN (SELECT provider FROM expected)
   AND ((t.deep_due IS NOT NULL) <> $2
     OR EXISTS (SELECT FROM expected e
                 WHERE e.provider = t.provider AND (e.scopes <@ t.scopes OR t.scopes = '{}')
                   AND NOT EXISTS (SELECT FROM poller.sources s WHERE s.user_id = t.user_id AND s.provider = t.provider
                                      AND s.source = e.source AND s.spans = e.spans))
     OR EXISTS (SELECT FROM poller.sources s
                 WHERE s.user_id = t.user_id AND s.provider = t.provider
                   AND NOT EXISTS (SELECT FROM expected e WHERE e.provider = t.provider AND e.source = s.source
                                      AND (e.scopes <@ t.scopes OR t.scopes = '{}'))));
