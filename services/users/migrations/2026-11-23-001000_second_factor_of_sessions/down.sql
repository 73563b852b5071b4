UPDATE sessions SET revoked_why = 'SIGNED_OUT' WHERE revoked_why = 'SECOND_FACTOR_MISSING';
ALTER TABLE sessions
    DROP COLUMN second_factor,
    DROP CONSTRAINT sessions_revoked_why_check,
    ADD CONSTRAINT sessions_revoked_why_check CHECK (revoked_why IN (
        'REFRESH_TOKEN_REUSED', 'SIGNED_OUT', 'PASSWORD_CHANGED', 'ROLE_CHANGED', 'DEACTIVATED'));
