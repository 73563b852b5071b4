-- The answers to POSTs that carried an Idempotency-Key, claimed in the transaction of the work.
CREATE TABLE idempotency_keys (
    actor      bigint      NOT NULL,              -- user id; 0 for a caller who is not signed in
    key        text        NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    operation  text        NOT NULL,              -- method and path
    digest     bytea       NOT NULL CHECK (length(digest) = 32),  -- SHA-256 of the request's body
    status     smallint,                          -- null only inside the claiming transaction
    location   text,
    version    bigint,
    body       bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (actor, key)
);
CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);
