UPDATE appointments SET rescheduling_cause = NULL WHERE rescheduling_cause = 'PATIENT_ELSEWHERE';
ALTER TABLE appointments
    DROP CONSTRAINT appointments_rescheduling_cause_check,
    ADD CONSTRAINT appointments_rescheduling_cause_check
        CHECK (rescheduling_cause IN ('LEAVE', 'DOCTOR_UNAVAILABLE', 'PATIENT_INACTIVE'));
