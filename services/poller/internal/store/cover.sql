-- Parameters: user, provider, account, kind, from, to, scheduled.
WITH joined AS (
    DELETE FROM poller.coverage
     WHERE user_id = $1 AND provider = $2 AND account = $3 AND kind = $4
       AND covered_from <= $6 AND covered_to >= $5
    RETURNING covered_from, covered_to, scheduled)
INSERT INTO poller.coverage (user_id, provider, account, kind, covered_from, covered_to, scheduled)
SELECT $1, $2, $3, $4, least($5, min(covered_from)), greatest($6, max(covered_to)), $7 OR coalesce(bool_or(scheduled), false)
  FROM joined;
