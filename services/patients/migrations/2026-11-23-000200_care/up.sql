-- What this service knows of the staff, told by events of users (or asked of it, when an event is a second late).
CREATE TABLE staff (
    id bigint PRIMARY KEY,
    role text NOT NULL,
    department text NOT NULL DEFAULT '',
    is_active boolean NOT NULL,
    version bigint NOT NULL
);
CREATE INDEX staff_by_department ON staff (department) WHERE department <> '';

-- Who has an appointment with whom, told by events of appointments: half of what makes "in their care".
CREATE TABLE care_appointments (
    id bigint PRIMARY KEY,
    patient bigint NOT NULL,
    doctor bigint NOT NULL,
    starts_at timestamptz NOT NULL,
    status text NOT NULL,
    version bigint NOT NULL
);
CREATE INDEX care_appointments_by_patient ON care_appointments (patient, doctor, starts_at);
CREATE INDEX care_appointments_by_doctor ON care_appointments (doctor, starts_at);
