-- Blocks that were read from another calendar: which calendar, and which of its events (the SHA-256 of the UID, and when the
-- occurrence was to begin at first where it recurs). Nothing of what the event says of itself is kept.
ALTER TABLE time_off
    ADD COLUMN source          text  CHECK (length(source) BETWEEN 1 AND 40),
    ADD COLUMN source_uid      bytea CHECK (octet_length(source_uid) = 32),
    ADD COLUMN source_start    timestamptz,
    ADD COLUMN source_sequence bigint,
    ADD COLUMN source_stamp    timestamptz,
    ADD CONSTRAINT time_off_from_a_source CHECK ((source IS NULL) = (source_uid IS NULL)
        AND (source IS NULL) = (source_sequence IS NULL));
CREATE UNIQUE INDEX time_off_of_source ON time_off (doctor_id, source, source_uid, source_start) NULLS NOT DISTINCT
    WHERE source IS NOT NULL;
