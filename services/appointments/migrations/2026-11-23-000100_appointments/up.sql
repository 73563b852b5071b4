-- What this service knows of people, told by events (or asked once, when an event is late). Owned by users and patients.
CREATE TABLE staff (
    id             bigint  PRIMARY KEY,
    role           text    NOT NULL,
    name           text    NOT NULL,
    specialization text    NOT NULL,
    department     text    NOT NULL,
    is_active      boolean NOT NULL,
    version        bigint  NOT NULL
);

CREATE TABLE patients (
    id                bigint  PRIMARY KEY,
    patient_id        text    NOT NULL,
    name              text    NOT NULL,
    user_id           bigint,
    primary_doctor_id bigint,
    is_active         boolean NOT NULL,
    version           bigint  NOT NULL
);
CREATE INDEX patients_user ON patients (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX patients_primary_doctor ON patients (primary_doctor_id) WHERE primary_doctor_id IS NOT NULL;

-- Weekly hours. The row in `availability` is the aggregate (its version is the ETag); the intervals hang below it.
CREATE TABLE availability (
    doctor_id    bigint      PRIMARY KEY REFERENCES staff (id),
    slot_minutes integer     NOT NULL CHECK (slot_minutes BETWEEN 5 AND 480),
    version      bigint      NOT NULL DEFAULT 1,
    updated_by   bigint      NOT NULL,
    updated_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE availability_hours (
    doctor_id  bigint   NOT NULL REFERENCES availability (doctor_id) ON DELETE CASCADE,
    weekday    smallint NOT NULL CHECK (weekday BETWEEN 0 AND 6), -- 0 is Monday
    start_time time     NOT NULL,
    end_time   time     NOT NULL,
    PRIMARY KEY (doctor_id, weekday, start_time),
    CHECK (start_time < end_time),
    CONSTRAINT availability_hours_overlap EXCLUDE USING gist (
        doctor_id WITH =,
        weekday WITH =,
        int4range(extract(epoch FROM start_time)::integer, extract(epoch FROM end_time)::integer) WITH &&
    )
);

CREATE TABLE appointments (
    id                  bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    patient_id          bigint      NOT NULL REFERENCES patients (id),
    doctor_id           bigint      NOT NULL REFERENCES staff (id),
    starts_at           timestamptz NOT NULL,
    ends_at             timestamptz NOT NULL,
    status              text        NOT NULL CHECK (status IN
        ('SCHEDULED', 'CONFIRMED', 'CHECKED_IN', 'IN_PROGRESS', 'COMPLETED', 'CANCELLED', 'NO_SHOW')),
    appointment_type    text        NOT NULL CHECK (appointment_type IN ('IN_PERSON', 'TELECONSULT')),
    reason              text        NOT NULL,
    notes               text        NOT NULL,
    cancellation_reason text        NOT NULL,
    version             bigint      NOT NULL DEFAULT 1,
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),
    -- Nobody finds an appointment by when it began alone unless its length is bounded: the overlap queries rely on it.
    CHECK (ends_at > starts_at AND ends_at - starts_at <= interval '8 hours'),
    CHECK (status <> 'CANCELLED' OR cancellation_reason <> ''),
    -- What must never happen. A cancelled or missed appointment holds no time.
    CONSTRAINT appointments_doctor_overlap EXCLUDE USING gist (doctor_id WITH =, tstzrange(starts_at, ends_at) WITH &&)
        WHERE (status NOT IN ('CANCELLED', 'NO_SHOW')),
    CONSTRAINT appointments_patient_overlap EXCLUDE USING gist (patient_id WITH =, tstzrange(starts_at, ends_at) WITH &&)
        WHERE (status NOT IN ('CANCELLED', 'NO_SHOW'))
);
CREATE INDEX appointments_by_start ON appointments (starts_at, id);
CREATE INDEX appointments_by_creation ON appointments (created_at, id);
CREATE INDEX appointments_of_doctor ON appointments (doctor_id, starts_at, id);
CREATE INDEX appointments_of_patient ON appointments (patient_id, starts_at, id);

-- Who changed what, when, from, to and why. Only ever added to.
CREATE TABLE appointment_history (
    id             bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    appointment_id bigint      NOT NULL REFERENCES appointments (id),
    version        bigint      NOT NULL,
    changed_at     timestamptz NOT NULL DEFAULT now(),
    changed_by     bigint      NOT NULL,
    changed_as     text        NOT NULL,
    old_status     text,
    new_status     text        NOT NULL,
    old_doctor_id  bigint,
    new_doctor_id  bigint      NOT NULL,
    old_starts_at  timestamptz,
    new_starts_at  timestamptz NOT NULL,
    old_ends_at    timestamptz,
    new_ends_at    timestamptz NOT NULL,
    why            text        NOT NULL,
    UNIQUE (appointment_id, version)
);

CREATE FUNCTION appointment_history_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'appointment_history is only ever added to' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER appointment_history_final BEFORE UPDATE OR DELETE OR TRUNCATE ON appointment_history
    FOR EACH STATEMENT EXECUTE FUNCTION appointment_history_is_final();
