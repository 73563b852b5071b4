-- Why an appointment cannot stay where it is, until somebody moves or cancels it.
ALTER TABLE appointments ADD COLUMN rescheduling_cause text
    CHECK (rescheduling_cause IN ('LEAVE', 'DOCTOR_UNAVAILABLE', 'PATIENT_INACTIVE'));
CREATE INDEX appointments_to_reschedule ON appointments (doctor_id, starts_at) WHERE rescheduling_cause IS NOT NULL;
-- Those who are awaited: what the worker looks through for patients who did not come.
CREATE INDEX appointments_awaited ON appointments (starts_at) WHERE status IN ('SCHEDULED', 'CONFIRMED');

-- Null: the service itself made the change. `changed` names what differs from the version before.
ALTER TABLE appointment_history ALTER COLUMN changed_by DROP NOT NULL;
ALTER TABLE appointment_history ADD COLUMN changed text[] NOT NULL DEFAULT '{}';
