-- Whether a session was opened, or joined later, by a second factor: a role that must have one renews no other. Sessions
-- from before this migration count as without; where the role must, their owners sign in once more.
ALTER TABLE sessions
    ADD COLUMN second_factor boolean NOT NULL DEFAULT false,
    DROP CONSTRAINT sessions_revoked_why_check,
    ADD CONSTRAINT sessions_revoked_why_check CHECK (revoked_why IN (
        'REFRESH_TOKEN_REUSED', 'SIGNED_OUT', 'PASSWORD_CHANGED', 'ROLE_CHANGED', 'DEACTIVATED', 'SECOND_FACTOR_MISSING'));
