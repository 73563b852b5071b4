-- One more reason why an appointment cannot stay: two records turned out to be one patient's, and what was booked for both lies at
-- the same time.
ALTER TABLE appointments
    DROP CONSTRAINT appointments_rescheduling_cause_check,
    ADD CONSTRAINT appointments_rescheduling_cause_check
        CHECK (rescheduling_cause IN ('LEAVE', 'DOCTOR_UNAVAILABLE', 'PATIENT_INACTIVE', 'PATIENT_ELSEWHERE'));
