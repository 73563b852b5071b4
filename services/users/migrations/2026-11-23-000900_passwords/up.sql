-- Passwords that come from Django, that are forgotten, and the mails that help with it.
ALTER TABLE users
    DROP CONSTRAINT users_password_hash_check,
    ADD CONSTRAINT users_password_hash_check CHECK (
        (password_hash LIKE '$argon2id$%' OR password_hash LIKE 'pbkdf2\_sha256$%') AND length(password_hash) <= 256);

CREATE TABLE password_resets (
    digest     bytea       PRIMARY KEY CHECK (length(digest) = 32),               -- SHA-256; the token itself is never stored
    user_id    bigint      NOT NULL REFERENCES users,
    expires_at timestamptz NOT NULL
);
CREATE INDEX password_resets_user_id ON password_resets (user_id);
CREATE INDEX password_resets_expires_at ON password_resets (expires_at);

-- What was asked for, whether or not there is such an account: the worker finds out, and makes the token as it sends it.
CREATE TABLE mails (
    id              bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind            text        NOT NULL CHECK (kind IN ('PASSWORD_RESET')),
    address         text        NOT NULL CHECK (length(address) <= 254),
    status          text        NOT NULL DEFAULT 'WAITING' CHECK (status IN ('WAITING', 'DONE', 'FAILED')),
    attempts        integer     NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    made_at         timestamptz NOT NULL,
    next_attempt_at timestamptz NOT NULL
);
CREATE INDEX mails_waiting ON mails (next_attempt_at) WHERE status = 'WAITING';
CREATE INDEX mails_address ON mails (lower(address), made_at);
CREATE INDEX mails_made_at ON mails (made_at);
