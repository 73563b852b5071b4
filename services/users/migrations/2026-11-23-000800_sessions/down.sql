DROP INDEX sessions_revoked_at;
UPDATE sessions SET revoked_why = 'REFRESH_TOKEN_REUSED' WHERE revoked_why IS NOT NULL;
ALTER TABLE sessions
    DROP COLUMN address,
    DROP COLUMN user_agent,
    DROP CONSTRAINT sessions_revoked_why_check,
    ADD CONSTRAINT sessions_revoked_why_check CHECK (revoked_why IN ('REFRESH_TOKEN_REUSED'));
