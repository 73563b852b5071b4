-- A room, time between appointments, overbooking on purpose, and the queue of those who walk in.
ALTER TABLE availability
    ADD COLUMN buffer_before integer NOT NULL DEFAULT 0 CHECK (buffer_before BETWEEN 0 AND 120), -- minutes
    ADD COLUMN buffer_after  integer NOT NULL DEFAULT 0 CHECK (buffer_after BETWEEN 0 AND 120);

ALTER TABLE appointments
    ADD COLUMN room               text CHECK (room <> ''),
    ADD COLUMN buffer_before      integer NOT NULL DEFAULT 0 CHECK (buffer_before BETWEEN 0 AND 120),
    ADD COLUMN buffer_after       integer NOT NULL DEFAULT 0 CHECK (buffer_after BETWEEN 0 AND 120),
    ADD COLUMN held_from          timestamptz,
    ADD COLUMN held_until         timestamptz,
    ADD COLUMN overbooking_reason text CHECK (overbooking_reason <> ''),
    ADD COLUMN queue_date         date,
    ADD COLUMN queue_number       integer CHECK (queue_number > 0),
    ADD CONSTRAINT appointments_queued CHECK ((queue_date IS NULL) = (queue_number IS NULL)),
    ADD CONSTRAINT appointments_queue UNIQUE (doctor_id, queue_date, queue_number);

-- The doctor's time that an appointment holds. Arithmetic with time zones is not immutable, so that no generated column can
-- do it; nobody, and no older binary, can leave it out.
CREATE FUNCTION appointments_hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.held_from := NEW.starts_at - make_interval(mins => NEW.buffer_before);
    NEW.held_until := NEW.ends_at + make_interval(mins => NEW.buffer_after);
    RETURN NEW;
END $$;
CREATE TRIGGER appointments_held BEFORE INSERT OR UPDATE ON appointments FOR EACH ROW EXECUTE FUNCTION appointments_hold();
UPDATE appointments SET held_from = starts_at, held_until = ends_at;
ALTER TABLE appointments ALTER COLUMN held_from SET NOT NULL, ALTER COLUMN held_until SET NOT NULL;

-- What must never happen, with the two exceptions that are made on purpose: who was overbooked, with a reason, and who
-- walked in, with a number. For the patient and for the room there is none.
ALTER TABLE appointments DROP CONSTRAINT appointments_doctor_overlap;
ALTER TABLE appointments ADD CONSTRAINT appointments_doctor_overlap
    EXCLUDE USING gist (doctor_id WITH =, tstzrange(held_from, held_until) WITH &&)
    WHERE (status NOT IN ('CANCELLED', 'NO_SHOW') AND overbooking_reason IS NULL AND queue_number IS NULL);
ALTER TABLE appointments ADD CONSTRAINT appointments_room_overlap
    EXCLUDE USING gist (room WITH =, tstzrange(starts_at, ends_at) WITH &&)
    WHERE (status NOT IN ('CANCELLED', 'NO_SHOW') AND room IS NOT NULL);
CREATE INDEX appointments_of_room ON appointments (room, starts_at) WHERE room IS NOT NULL;

-- The last number of a doctor's day, raised in the transaction that gives it: a booking that fails leaves no gap.
CREATE TABLE queues (
    doctor_id bigint  NOT NULL REFERENCES staff (id),
    date      date    NOT NULL,
    last      integer NOT NULL CHECK (last > 0),
    PRIMARY KEY (doctor_id, date)
);
