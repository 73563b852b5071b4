-- The secret address of a doctor's calendar: who has it may fetch. Only its SHA-256 is here, by which it is found. Another
-- address is another row, so that the id tells them apart.
CREATE TABLE calendar_feeds (
    id              bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    doctor_id       bigint      NOT NULL UNIQUE REFERENCES staff (id),
    secret_hash     bytea       NOT NULL UNIQUE CHECK (octet_length(secret_hash) = 32),
    created_by      bigint      NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    last_fetched_at timestamptz
);
