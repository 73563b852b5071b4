-- Fails where somebody was overbooked or walked in: the older rule knows neither.
DROP TABLE queues;
ALTER TABLE appointments DROP CONSTRAINT appointments_doctor_overlap;
ALTER TABLE appointments ADD CONSTRAINT appointments_doctor_overlap
    EXCLUDE USING gist (doctor_id WITH =, tstzrange(starts_at, ends_at) WITH &&)
    WHERE (status NOT IN ('CANCELLED', 'NO_SHOW'));
DROP TRIGGER appointments_held ON appointments;
DROP FUNCTION appointments_hold;
ALTER TABLE appointments
    DROP CONSTRAINT appointments_room_overlap,
    DROP COLUMN room, DROP COLUMN buffer_before, DROP COLUMN buffer_after, DROP COLUMN held_from, DROP COLUMN held_until,
    DROP COLUMN overbooking_reason, DROP COLUMN queue_date, DROP COLUMN queue_number;
ALTER TABLE availability DROP COLUMN buffer_before, DROP COLUMN buffer_after;
