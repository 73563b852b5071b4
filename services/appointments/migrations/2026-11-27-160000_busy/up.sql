-- What takes a doctor's time, with all that schedules and free slots ask of it: a month of it is a few pages of this index, and
-- no page of the table.
CREATE INDEX appointments_busy ON appointments (doctor_id, starts_at, id) INCLUDE (patient_id, ends_at, held_from, held_until)
    WHERE status NOT IN ('CANCELLED', 'NO_SHOW') AND queue_number IS NULL;
