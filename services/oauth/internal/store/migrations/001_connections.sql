-- Consents and what belongs to them. Tokens and PKCE verifiers are sealed; of an
-- OAuth state only the hash is kept.

CREATE TABLE oauth.connections (
    id                  uuid PRIMARY KEY,
    user_id             uuid NOT NULL,
    provider            text NOT NULL,
    provider_account_id text NOT NULL,
    status              text NOT NULL
        CHECK (status IN ('active', 'degraded', 'action_required', 'revoked', 'provider_retired')),
    since               timestamptz NOT NULL,
    reason              text,
    next_action         text,
    scopes              text[] NOT NULL,

    -- Rises with every stored pair and with every end; whoever stores a pair
    -- compares it, so a late answer never overwrites a newer consent.
    token_version       bigint NOT NULL DEFAULT 1,
    tokens              bytea,       -- both tokens, sealed for this id
    tokens_at           timestamptz, -- when they were stored
    access_expires_at   timestamptz,
    refresh_expires_at  timestamptz, -- null when the grant has no known end

    -- The lease of the one process that may call the token endpoint. A lease
    -- that ran out with its owner still in it is a refresh left unfinished.
    refresh_owner       uuid,
    refresh_until       timestamptz,
    refresh_unfinished  boolean NOT NULL DEFAULT false,
    refresh_not_before  timestamptz, -- the provider asked us to wait

    -- The first 410 of the list and of the token endpoint that no good answer has
    -- followed: one answer proves nothing, a second one later does.
    poll_gone_at        timestamptz,
    token_gone_at       timestamptz,
    -- Since when refreshes fail without the grant's fault.
    token_trouble_at    timestamptz,

    -- How the end of the consent was told to the provider.
    revocation          text
        CHECK (revocation IN ('pending', 'done', 'failed', 'shared')),
    revocation_at       timestamptz, -- of a pending one: the next try
    revocation_tries    integer NOT NULL DEFAULT 0,

    created_at          timestamptz NOT NULL,
    updated_at          timestamptz NOT NULL,

    -- The same account again keeps its connection.
    UNIQUE (user_id, provider, provider_account_id)
);

CREATE UNIQUE INDEX connections_one_live ON oauth.connections (user_id, provider)
    WHERE status <> 'revoked';
CREATE INDEX connections_account ON oauth.connections (provider, provider_account_id);
CREATE INDEX connections_revocation ON oauth.connections (revocation_at)
    WHERE revocation = 'pending';
-- Consents that end by themselves are looked up by when they do.
CREATE INDEX connections_consent_end ON oauth.connections (refresh_expires_at)
    WHERE refresh_expires_at IS NOT NULL AND status IN ('active', 'degraded');

CREATE TABLE oauth.states (
    hash         bytea PRIMARY KEY, -- sha256 of the state
    provider     text NOT NULL,
    user_id      uuid NOT NULL,
    redirect_uri text NOT NULL,
    verifier     bytea NOT NULL,    -- PKCE verifier, sealed for this hash
    expires_at   timestamptz NOT NULL,
    used_at      timestamptz
);
CREATE INDEX states_expiry ON oauth.states (expires_at);
CREATE INDEX states_user ON oauth.states (user_id);

CREATE TABLE oauth.erased_users (
    user_hash bytea PRIMARY KEY, -- sha256 of the user id
    erased_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE oauth.outbox (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject    text NOT NULL,
    header     jsonb NOT NULL,
    data       bytea NOT NULL,
    parked     text, -- why JetStream refuses it for good
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE VIEW oauth.view_connections_v1 AS
SELECT id, user_id, provider, status, since, reason, next_action,
       provider_account_id AS provider_user_id, scopes AS scope, created_at, updated_at
FROM oauth.connections;
