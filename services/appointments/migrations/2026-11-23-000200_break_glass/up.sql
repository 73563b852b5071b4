-- Whose appointments are open to whom beyond their care, and until when: told by events of patients, which grants it.
CREATE TABLE break_glass_grants (
    id         bigint      PRIMARY KEY,
    actor      bigint      NOT NULL,
    patient    bigint      NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX break_glass_grants_by_actor ON break_glass_grants (actor, expires_at, patient);
