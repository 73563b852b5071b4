-- People who sign in, their sessions, and the refresh tokens of those.

CREATE TABLE users (
    id                  bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- no @ in it: a name must never be somebody's email address, since either signs in
    username            text        NOT NULL CHECK (username ~ '^[A-Za-z0-9_][A-Za-z0-9_.+-]{0,149}$'),
    email               text        NOT NULL CHECK (length(email) BETWEEN 3 AND 254 AND email LIKE '_%@_%'),
    password_hash       text        NOT NULL CHECK (password_hash LIKE '$argon2id$%' AND length(password_hash) <= 256),
    role                text        NOT NULL CHECK (role IN ('ADMIN', 'DOCTOR', 'NURSE', 'RECEPTIONIST', 'ACCOUNTANT', 'AUDITOR', 'PATIENT')),
    first_name          text        NOT NULL CHECK (length(first_name) BETWEEN 1 AND 100),
    last_name           text        NOT NULL CHECK (length(last_name) <= 100),   -- one-word names are common
    phone               text        CHECK (phone ~ '^\+[1-9][0-9]{6,14}$'),       -- E.164; families share one, so never unique
    department          text        CHECK (length(department) BETWEEN 1 AND 100),
    specialization      text        CHECK (length(specialization) BETWEEN 1 AND 100),
    registration_number text        CHECK (length(registration_number) BETWEEN 1 AND 50),
    is_active           boolean     NOT NULL DEFAULT true,
    version             bigint      NOT NULL DEFAULT 1 CHECK (version > 0),
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT doctors_are_described CHECK (
        CASE WHEN role = 'DOCTOR' THEN num_nulls(specialization, registration_number, department) = 0
             ELSE num_nonnulls(specialization, registration_number) = 0 END),
    CONSTRAINT wards_have_departments CHECK (department IS NULL OR role IN ('DOCTOR', 'NURSE'))
);
CREATE UNIQUE INDEX users_username ON users (lower(username));
CREATE UNIQUE INDEX users_email ON users (lower(email));
CREATE INDEX users_doctors ON users (lower(last_name), lower(first_name), id) WHERE role = 'DOCTOR' AND is_active;

CREATE TABLE sessions (
    id            uuid        PRIMARY KEY,                                        -- the sid claim
    user_id       bigint      NOT NULL REFERENCES users,
    created_at    timestamptz NOT NULL,
    last_used_at  timestamptz NOT NULL,                                           -- sign-in or last refresh
    revoked_at    timestamptz,
    revoked_why   text        CHECK (revoked_why IN ('REFRESH_TOKEN_REUSED')),
    CHECK ((revoked_at IS NULL) = (revoked_why IS NULL))
);
CREATE INDEX sessions_user_id ON sessions (user_id);
CREATE INDEX sessions_last_used_at ON sessions (last_used_at);

CREATE TABLE refresh_tokens (
    digest         bytea       PRIMARY KEY CHECK (length(digest) = 32),           -- SHA-256; the token itself is never stored
    session_id     uuid        NOT NULL REFERENCES sessions ON DELETE CASCADE,
    issued_at      timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL CHECK (expires_at > issued_at),
    spent_at       timestamptz,
    -- what lets the same request, sent again with its Idempotency-Key, have the same answer
    retry_digest   bytea       CHECK (length(retry_digest) = 32),                 -- SHA-256 of the Idempotency-Key
    successor_salt bytea       CHECK (length(successor_salt) = 32),               -- successor = HMAC(this token, salt)
    successor_jti  uuid,                                                          -- id of the access token given with it
    CHECK (num_nulls(spent_at, successor_salt, successor_jti) IN (0, 3)),
    CHECK (spent_at IS NOT NULL OR retry_digest IS NULL)
);
CREATE INDEX refresh_tokens_session_id ON refresh_tokens (session_id);
