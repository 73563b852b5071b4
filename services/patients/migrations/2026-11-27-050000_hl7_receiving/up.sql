-- Messages come over MLLP too, where nobody signs in: which way one came, and from which address. What a sender in enhanced
-- mode heard on receipt stands beside what it heard of the application.
ALTER TABLE hl7_messages
    ALTER COLUMN received_by DROP NOT NULL,
    ADD COLUMN received_via text NOT NULL DEFAULT 'HTTP' CHECK (received_via IN ('HTTP', 'MLLP')),
    ADD COLUMN peer text,
    ADD COLUMN receipt text,
    -- How often applying a stored message failed for no fault of its own.
    ADD COLUMN attempts integer NOT NULL DEFAULT 0,
    -- What became of a parked message: a person had it applied, perhaps with another text, or discarded it and said why.
    ADD COLUMN version bigint NOT NULL DEFAULT 1 CHECK (version > 0),
    ADD COLUMN corrected bytea,
    ADD COLUMN resolution text CHECK (resolution IN ('REPLAYED', 'DISCARDED')),
    ADD COLUMN resolution_reason text,
    ADD COLUMN resolved_by bigint,
    ADD COLUMN resolved_at timestamptz,
    ADD CONSTRAINT hl7_messages_brought CHECK (received_via = 'MLLP' OR received_by IS NOT NULL),
    ADD CONSTRAINT hl7_messages_resolved
        CHECK ((resolution IS NULL) = (resolved_at IS NULL) AND (resolution IS NULL) = (resolved_by IS NULL)),
    ADD CONSTRAINT hl7_messages_discarded
        CHECK (resolution IS DISTINCT FROM 'DISCARDED' OR (status = 'PARKED' AND resolution_reason <> ''));
CREATE INDEX hl7_messages_waiting ON hl7_messages (received_at, id) WHERE status = 'RECEIVED';
-- The same bytes again, once the message was mended.
CREATE INDEX hl7_messages_replayed ON hl7_messages (digest) WHERE resolution = 'REPLAYED';
CREATE INDEX hl7_messages_parked ON hl7_messages (id) WHERE status = 'PARKED' AND resolution IS NULL;

-- By what a sender's message would mean the same entry again: a digest of the sender and of its number for the result, the
-- diagnosis, the vaccination. The newest entry of a digest is the one to amend.
CREATE TABLE hl7_entries (
    entry bigint PRIMARY KEY REFERENCES history_entries (id),
    digest bytea NOT NULL CHECK (length(digest) = 32)
);
CREATE INDEX hl7_entries_by_digest ON hl7_entries (digest);
