-- For commands that are told a person by the client's own id.
CREATE VIEW gateway.view_users_v1 AS SELECT id AS user_id, external_user_id FROM gateway.users;
