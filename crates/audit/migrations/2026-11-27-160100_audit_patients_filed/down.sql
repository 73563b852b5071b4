DROP FUNCTION audit_file_patients();
DROP INDEX audit_log_patients;
CREATE INDEX audit_log_patients ON audit_log USING gin (patients) WHERE cardinality(patients) > 1;
