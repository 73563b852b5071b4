-- People who wait for a doctor's time; what was offered to them, which holds the time while it is open; and time that came free
-- and for which nobody was looked for yet.
CREATE TABLE waitlist_entries (
    id               bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- who came first has the lower one
    patient_id       bigint      NOT NULL REFERENCES patients (id),
    doctor_id        bigint      REFERENCES staff (id),
    specialization   text        CHECK (specialization <> ''),
    start_date       date        NOT NULL,
    end_date         date        NOT NULL,
    earliest_time    time,
    latest_time      time,
    weekdays         smallint[]  NOT NULL, -- 0 is Monday; none: any
    duration_minutes integer     CHECK (duration_minutes BETWEEN 5 AND 480), -- null: as long as the doctor's slots
    appointment_type text        NOT NULL CHECK (appointment_type IN ('IN_PERSON', 'TELECONSULT')),
    urgency          text        NOT NULL CHECK (urgency IN ('ROUTINE', 'URGENT')), -- the order of their letters is that of who comes last
    reason           text        NOT NULL,
    status           text        NOT NULL CHECK (status IN ('WAITING', 'OFFERED', 'BOOKED', 'LEFT', 'EXPIRED', 'WITHDRAWN')),
    leaving_reason   text        NOT NULL,
    appointment_id   bigint      REFERENCES appointments (id),
    version          bigint      NOT NULL DEFAULT 1,
    created_by       bigint      NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    CHECK ((doctor_id IS NULL) <> (specialization IS NULL)),
    CHECK (end_date BETWEEN start_date AND start_date + 91),
    CHECK (latest_time > earliest_time),
    CHECK ((status = 'BOOKED') = (appointment_id IS NOT NULL)),
    CHECK (status <> 'LEFT' OR leaving_reason <> ''),
    -- Nobody waits twice for one doctor, or one field, at one time.
    CONSTRAINT waitlist_entries_once_for_a_doctor EXCLUDE USING gist
        (patient_id WITH =, doctor_id WITH =, daterange(start_date, end_date, '[]') WITH &&)
        WHERE (status IN ('WAITING', 'OFFERED') AND doctor_id IS NOT NULL),
    CONSTRAINT waitlist_entries_once_for_a_field EXCLUDE USING gist
        (patient_id WITH =, lower(specialization) WITH =, daterange(start_date, end_date, '[]') WITH &&)
        WHERE (status IN ('WAITING', 'OFFERED') AND specialization IS NOT NULL)
);
CREATE INDEX waitlist_entries_in_turn ON waitlist_entries (urgency DESC, id);
CREATE INDEX waitlist_entries_of_patient ON waitlist_entries (patient_id, id);
CREATE INDEX waitlist_entries_of_doctor ON waitlist_entries (doctor_id, id);
CREATE INDEX waitlist_entries_for_doctor ON waitlist_entries (doctor_id, urgency DESC, id) WHERE status = 'WAITING';
CREATE INDEX waitlist_entries_for_field ON waitlist_entries (lower(specialization), urgency DESC, id) WHERE status = 'WAITING';
CREATE INDEX waitlist_entries_to_expire ON waitlist_entries (end_date) WHERE status = 'WAITING';

CREATE TABLE waitlist_offers (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    entry_id   bigint      NOT NULL REFERENCES waitlist_entries (id),
    doctor_id  bigint      NOT NULL REFERENCES staff (id),
    starts_at  timestamptz NOT NULL,
    ends_at    timestamptz NOT NULL,
    held_from  timestamptz NOT NULL, -- with what the doctor keeps free around it
    held_until timestamptz NOT NULL,
    status     text        NOT NULL CHECK (status IN ('OPEN', 'ACCEPTED', 'DECLINED', 'LAPSED', 'WITHDRAWN')),
    offered_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    closed_at  timestamptz,
    CHECK (ends_at > starts_at AND ends_at - starts_at <= interval '8 hours'),
    CHECK (held_from <= starts_at AND held_until >= ends_at),
    CHECK (expires_at > offered_at AND expires_at <= starts_at),
    CHECK ((status = 'OPEN') = (closed_at IS NULL)),
    CONSTRAINT waitlist_offers_hold EXCLUDE USING gist (doctor_id WITH =, tstzrange(held_from, held_until) WITH &&)
        WHERE (status = 'OPEN')
);
CREATE UNIQUE INDEX waitlist_offers_open ON waitlist_offers (entry_id) WHERE status = 'OPEN';
CREATE INDEX waitlist_offers_of_entry ON waitlist_offers (entry_id, id);
CREATE INDEX waitlist_offers_of_doctor ON waitlist_offers (doctor_id, entry_id);
CREATE INDEX waitlist_offers_to_lapse ON waitlist_offers (expires_at) WHERE status = 'OPEN';

-- Two tables cannot share an exclusion constraint. In its place whoever writes into either locks the doctor's row first, as
-- every booking does anyway, and then looks into the other: whoever comes second sees what the first has written. Walk-ins hold
-- no time of the doctor's, and who overbooks on purpose may do it here too.
CREATE FUNCTION appointments_spare_what_is_held() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM staff WHERE id = NEW.doctor_id FOR NO KEY UPDATE;
    IF EXISTS (
        SELECT 1 FROM waitlist_offers
        WHERE doctor_id = NEW.doctor_id AND status = 'OPEN' AND expires_at > clock_timestamp()
            AND tstzrange(held_from, held_until) && tstzrange(NEW.held_from, NEW.held_until)
    ) THEN
        RAISE EXCEPTION 'the time is held for somebody who waits'
            USING ERRCODE = 'exclusion_violation', CONSTRAINT = 'waitlist_offers_hold', TABLE = 'waitlist_offers';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER appointments_booked_beside_what_is_held AFTER INSERT ON appointments FOR EACH ROW
    WHEN (NEW.status NOT IN ('CANCELLED', 'NO_SHOW') AND NEW.overbooking_reason IS NULL AND NEW.queue_number IS NULL
        AND NEW.held_until > now())
    EXECUTE FUNCTION appointments_spare_what_is_held();
CREATE TRIGGER appointments_moved_beside_what_is_held
    AFTER UPDATE OF doctor_id, starts_at, ends_at, buffer_before, buffer_after, status, overbooking_reason, queue_number
    ON appointments FOR EACH ROW
    WHEN (NEW.status NOT IN ('CANCELLED', 'NO_SHOW') AND NEW.overbooking_reason IS NULL AND NEW.queue_number IS NULL
        AND NEW.held_until > now()
        AND (OLD.status IN ('CANCELLED', 'NO_SHOW') OR OLD.overbooking_reason IS NOT NULL OR OLD.queue_number IS NOT NULL
            OR (OLD.doctor_id, OLD.held_from, OLD.held_until) IS DISTINCT FROM (NEW.doctor_id, NEW.held_from, NEW.held_until)))
    EXECUTE FUNCTION appointments_spare_what_is_held();

CREATE FUNCTION waitlist_offers_spare_appointments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM staff WHERE id = NEW.doctor_id FOR NO KEY UPDATE;
    IF EXISTS (
        SELECT 1 FROM appointments
        WHERE doctor_id = NEW.doctor_id AND status NOT IN ('CANCELLED', 'NO_SHOW')
            AND overbooking_reason IS NULL AND queue_number IS NULL
            AND tstzrange(held_from, held_until) && tstzrange(NEW.held_from, NEW.held_until)
    ) THEN
        RAISE EXCEPTION 'the time is booked'
            USING ERRCODE = 'exclusion_violation', CONSTRAINT = 'appointments_doctor_overlap', TABLE = 'appointments';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER waitlist_offers_made_beside_appointments
    AFTER INSERT OR UPDATE OF doctor_id, held_from, held_until, status ON waitlist_offers FOR EACH ROW
    WHEN (NEW.status = 'OPEN') EXECUTE FUNCTION waitlist_offers_spare_appointments();

-- The worker looks for somebody for each, and takes it away when nobody is left.
CREATE TABLE waitlist_openings (
    id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    doctor_id    bigint      NOT NULL REFERENCES staff (id),
    starts_at    timestamptz NOT NULL,
    ends_at      timestamptz NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    due_at       timestamptz NOT NULL DEFAULT now(),
    past_urgency text, -- who was asked last, where there were too many for one go
    past_entry   bigint,
    CHECK (ends_at > starts_at),
    CHECK ((past_urgency IS NULL) = (past_entry IS NULL))
);
CREATE INDEX waitlist_openings_due ON waitlist_openings (due_at, id);

-- What became of whom, by whom, when and why. Only ever added to.
CREATE TABLE waitlist_history (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    entry_id   bigint      NOT NULL REFERENCES waitlist_entries (id),
    version    bigint      NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now(),
    changed_by bigint, -- null: the service itself
    changed_as text        NOT NULL,
    status     text        NOT NULL,
    offer_id   bigint      REFERENCES waitlist_offers (id),
    why        text        NOT NULL,
    UNIQUE (entry_id, version)
);
CREATE FUNCTION waitlist_history_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'waitlist_history is only ever added to' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER waitlist_history_final BEFORE UPDATE OR DELETE OR TRUNCATE ON waitlist_history
    FOR EACH STATEMENT EXECUTE FUNCTION waitlist_history_is_final();
