ALTER TABLE time_off
    DROP COLUMN source,
    DROP COLUMN source_uid,
    DROP COLUMN source_start,
    DROP COLUMN source_sequence,
    DROP COLUMN source_stamp;
