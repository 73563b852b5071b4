-- What other systems say of their schedules, by HL7 v2: which of their appointments is which of ours, and what came of each
-- message.
ALTER TABLE staff ADD COLUMN registration_number text NOT NULL DEFAULT '';

CREATE TABLE external_appointments (
    authority      text   NOT NULL, -- who gave the number
    number         text   NOT NULL CHECK (number <> ''),
    appointment_id bigint NOT NULL REFERENCES appointments (id),
    PRIMARY KEY (authority, number)
);
CREATE INDEX external_appointments_of ON external_appointments (appointment_id);

CREATE TABLE external_messages (
    id             bigint      PRIMARY KEY, -- of the message in the patients service
    received_at    timestamptz NOT NULL DEFAULT now(),
    sender         text        NOT NULL,
    change         text        NOT NULL,
    patient_id     bigint      NOT NULL REFERENCES patients (id),
    appointment_id bigint      REFERENCES appointments (id),
    outcome        text        NOT NULL CHECK (outcome IN ('APPLIED', 'REFUSED')),
    code           text        NOT NULL, -- why it was refused; empty where it was applied
    starts_at      timestamptz
);
CREATE INDEX external_messages_by_outcome ON external_messages (outcome, id);
