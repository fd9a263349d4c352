-- A key has scopes, may be bound to people, may end, and may have two secrets for a while.
-- A token is one of one person. A program from before finds no column hash and refuses
-- every request, rather than give a key of narrow scopes everything.
ALTER TABLE gateway.api_keys
    ADD COLUMN kind text NOT NULL DEFAULT 'key' CHECK (kind IN ('key', 'token')),
    ADD COLUMN scopes text[] NOT NULL DEFAULT '{}',
    ADD COLUMN bound boolean NOT NULL DEFAULT false, -- to those of api_key_users, also where these are gone
    ADD COLUMN expires_at timestamptz,               -- null: never
    ADD COLUMN requests_per_minute integer CHECK (requests_per_minute > 0),
    ADD COLUMN issued_by uuid REFERENCES gateway.api_keys ON DELETE CASCADE; -- the key that asked for a token

UPDATE gateway.api_keys SET scopes = '{admin}' WHERE admin;

CREATE INDEX api_keys_issued ON gateway.api_keys (issued_by) WHERE issued_by IS NOT NULL;
CREATE INDEX api_keys_tokens_ending ON gateway.api_keys (expires_at) WHERE kind = 'token';

-- Secrets are 256 random bits, so a plain hash is enough and can be looked up.
CREATE TABLE gateway.api_key_secrets (
    hash        bytea PRIMARY KEY CHECK (length(hash) = 32),
    key_id      uuid NOT NULL REFERENCES gateway.api_keys ON DELETE CASCADE,
    prefix      text,        -- shown in lists; null for one of before it was kept
    valid_until timestamptz  -- set by a rotation; null: as long as the key
);

CREATE INDEX api_key_secrets_key ON gateway.api_key_secrets (key_id);
CREATE UNIQUE INDEX api_key_secrets_present ON gateway.api_key_secrets (key_id) WHERE valid_until IS NULL;

INSERT INTO gateway.api_key_secrets (hash, key_id) SELECT hash, id FROM gateway.api_keys;
ALTER TABLE gateway.api_keys DROP COLUMN hash, DROP COLUMN admin;

CREATE TABLE gateway.api_key_users (
    key_id  uuid NOT NULL REFERENCES gateway.api_keys ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES gateway.users ON DELETE CASCADE,
    PRIMARY KEY (key_id, user_id)
);

CREATE INDEX api_key_users_user ON gateway.api_key_users (user_id);

-- Every gateway forgets what it remembered when a key ends or changes.
CREATE FUNCTION gateway.tell_api_keys() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('gateway_api_keys', '');
    RETURN NULL;
END $$;

CREATE TRIGGER api_keys_changed AFTER UPDATE OF scopes, bound, expires_at, requests_per_minute OR DELETE ON gateway.api_keys
    FOR EACH STATEMENT EXECUTE FUNCTION gateway.tell_api_keys();
CREATE TRIGGER api_key_secrets_changed AFTER UPDATE OR DELETE ON gateway.api_key_secrets
    FOR EACH STATEMENT EXECUTE FUNCTION gateway.tell_api_keys();
CREATE TRIGGER api_key_users_changed AFTER INSERT OR UPDATE OR DELETE ON gateway.api_key_users
    FOR EACH STATEMENT EXECUTE FUNCTION gateway.tell_api_keys();

-- Who made, changed, ended and erased what. A row is written before the change, so that no
-- change is without one, and is completed with the answer. It outlives what it names.
CREATE TABLE gateway.audit (
    sequence   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT now(),
    actor      text NOT NULL CHECK (actor IN ('key', 'token', 'configured', 'command', 'anybody')),
    key_id     uuid,   -- the key or token; null for the others
    action     text NOT NULL,
    user_id    uuid,   -- null once the person is erased
    erasure_id uuid,   -- in place of user_id then
    object_id  text,   -- what was made, changed or ended, where it has an id of its own
    request_id text,
    status     integer -- that was answered; null: the process ended before it could answer
);

CREATE INDEX audit_user ON gateway.audit (user_id) WHERE user_id IS NOT NULL;
