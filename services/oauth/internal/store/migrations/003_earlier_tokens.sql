-- Refresh tokens that a later consent to the same account took the place of, and those
-- of connections that ended while another one used the account. They go to the provider
-- with the account's last connection. No row says whose connection it was.
CREATE TABLE oauth.earlier_tokens (
    id                  uuid PRIMARY KEY,
    provider            text NOT NULL,
    provider_account_id text NOT NULL,
    token               bytea NOT NULL, -- sealed for this id
    kept_at             timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX earlier_tokens_account ON oauth.earlier_tokens (provider, provider_account_id, kept_at);
