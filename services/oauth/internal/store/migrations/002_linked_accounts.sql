-- Accounts of the same person at other providers, as this one knows them
-- ({"fitbit": "7XQ2LM"}), and the provider that one's person has moved on to.
ALTER TABLE oauth.connections
    ADD COLUMN linked_accounts jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN succeeded_by    text;

CREATE OR REPLACE VIEW oauth.view_connections_v1 AS
SELECT c.id, c.user_id, c.provider, c.status, c.since, c.reason, c.next_action,
       c.provider_account_id AS provider_user_id, c.scopes AS scope, c.created_at, c.updated_at,
       ARRAY(SELECT o.id FROM oauth.connections o
              WHERE o.user_id = c.user_id AND o.id <> c.id
                AND (c.linked_accounts ->> o.provider = o.provider_account_id
                  OR o.linked_accounts ->> c.provider = c.provider_account_id)
              ORDER BY o.created_at, o.id) AS linked_connection_ids
  FROM oauth.connections c;
