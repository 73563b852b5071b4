DROP TABLE hl7_entries;
DROP INDEX hl7_messages_parked;
DROP INDEX hl7_messages_replayed;
DROP INDEX hl7_messages_waiting;
UPDATE hl7_messages SET received_by = 0 WHERE received_by IS NULL;
ALTER TABLE hl7_messages
    DROP CONSTRAINT hl7_messages_discarded,
    DROP CONSTRAINT hl7_messages_resolved,
    DROP CONSTRAINT hl7_messages_brought,
    DROP COLUMN resolved_at,
    DROP COLUMN resolved_by,
    DROP COLUMN resolution_reason,
    DROP COLUMN resolution,
    DROP COLUMN corrected,
    DROP COLUMN version,
    DROP COLUMN attempts,
    DROP COLUMN receipt,
    DROP COLUMN peer,
    DROP COLUMN received_via,
    ALTER COLUMN received_by SET NOT NULL;
