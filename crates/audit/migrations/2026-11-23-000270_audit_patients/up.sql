-- Most rows are about one patient, and a GIN entry costs several times what one of a B-tree costs.
DROP INDEX audit_log_patients;
CREATE INDEX audit_log_patient ON audit_log ((patients[1]), at, id) WHERE cardinality(patients) = 1;
CREATE INDEX audit_log_patients ON audit_log USING gin (patients) WHERE cardinality(patients) > 1;
