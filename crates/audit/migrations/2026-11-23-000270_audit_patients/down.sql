DROP INDEX audit_log_patient, audit_log_patients;
CREATE INDEX audit_log_patients ON audit_log USING gin (patients);
