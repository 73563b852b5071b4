-- Second factors. A secret is sealed (AES-256-GCM) with a key that this database does not have.

CREATE TABLE mfa_enrolments (
    user_id     bigint      PRIMARY KEY REFERENCES users,
    key_id      text        NOT NULL CHECK (key_id <> ''),                        -- which of EHS_MFA_KEYS seals it
    sealed      bytea       NOT NULL CHECK (length(sealed) = 48),                 -- nonce, secret of 20 bytes, tag
    made_at     timestamptz NOT NULL,
    verified_at timestamptz,                                                      -- null: shown, and not in force yet
    last_step   bigint,                                                           -- of the last code taken: none at or before it is taken again
    failures    integer     NOT NULL DEFAULT 0 CHECK (failures >= 0),             -- wrong codes since the last right one
    failed_at   timestamptz,
    CHECK (verified_at IS NULL OR last_step IS NOT NULL)
);

CREATE TABLE mfa_recovery_codes (
    user_id bigint      NOT NULL REFERENCES mfa_enrolments ON DELETE CASCADE,
    digest  bytea       NOT NULL CHECK (length(digest) = 32),                     -- SHA-256 of 120 random bits
    used_at timestamptz,
    PRIMARY KEY (user_id, digest)
);

-- What a right password gives when a second factor is wanted: good for one purpose, for five minutes and five attempts.
CREATE TABLE mfa_challenges (
    digest     bytea       PRIMARY KEY CHECK (length(digest) = 32),               -- SHA-256; the token itself is never stored
    user_id    bigint      NOT NULL REFERENCES users,
    purpose    text        NOT NULL CHECK (purpose IN ('SIGN_IN', 'ENROL')),
    expires_at timestamptz NOT NULL,
    attempts   integer     NOT NULL DEFAULT 0 CHECK (attempts BETWEEN 0 AND 5),
    spent_at   timestamptz
);
CREATE INDEX mfa_challenges_user_id ON mfa_challenges (user_id);
CREATE INDEX mfa_challenges_expires_at ON mfa_challenges (expires_at);
