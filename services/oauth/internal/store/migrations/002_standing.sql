-- The first 410 of the list and of the token endpoint that no good answer has
-- followed: one answer proves nothing, a second one later does.
ALTER TABLE oauth.connections
    ADD COLUMN poll_gone_at  timestamptz,
    ADD COLUMN token_gone_at timestamptz;

-- Consents that end by themselves are looked up by when they do.
CREATE INDEX connections_consent_end ON oauth.connections (refresh_expires_at)
    WHERE refresh_expires_at IS NOT NULL AND status IN ('active', 'degraded');
