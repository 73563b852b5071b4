-- Where a session was opened, for its owner to recognise it, and every way that one can end.
ALTER TABLE sessions
    ADD COLUMN address    text CHECK (length(address) <= 45),
    ADD COLUMN user_agent text CHECK (length(user_agent) <= 200),
    DROP CONSTRAINT sessions_revoked_why_check,
    ADD CONSTRAINT sessions_revoked_why_check CHECK (revoked_why IN (
        'REFRESH_TOKEN_REUSED', 'SIGNED_OUT', 'PASSWORD_CHANGED', 'ROLE_CHANGED', 'DEACTIVATED'));
CREATE INDEX sessions_revoked_at ON sessions (revoked_at) WHERE revoked_at IS NOT NULL;
