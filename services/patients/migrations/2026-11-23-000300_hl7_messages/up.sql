-- Every message as it came, before anything is done with it: an acknowledged message is never lost.
CREATE TABLE hl7_messages (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sending_application text NOT NULL,
    sending_facility text NOT NULL,
    control_id text NOT NULL,
    event text NOT NULL,
    digest bytea NOT NULL CHECK (length(digest) = 32),
    raw bytea NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    received_by bigint NOT NULL,
    -- RECEIVED: stored, not yet applied. APPLIED: done. PARKED: a person has to look at it.
    status text NOT NULL CHECK (status IN ('RECEIVED', 'APPLIED', 'PARKED')),
    reason text,
    acknowledgment text CHECK (acknowledgment IN ('AA', 'AE', 'AR', 'CA', 'CE', 'CR')),
    ack text,
    answer jsonb,
    patient bigint REFERENCES patients (id),
    CHECK (status = 'RECEIVED' OR (acknowledgment IS NOT NULL AND ack IS NOT NULL)),
    CHECK (status <> 'APPLIED' OR (patient IS NOT NULL AND answer IS NOT NULL))
);
-- A message is one message however often it is sent; a parked one leaves its control id free for the corrected one. The
-- event belongs to the key: there are senders whose feeds (admissions, updates) count their control ids each for itself.
CREATE UNIQUE INDEX hl7_messages_once ON hl7_messages (sending_application, sending_facility, control_id, event)
    WHERE status <> 'PARKED';
CREATE UNIQUE INDEX hl7_messages_parked_once ON hl7_messages (digest) WHERE status = 'PARKED';
CREATE INDEX hl7_messages_by_patient ON hl7_messages (patient) WHERE patient IS NOT NULL;
