DROP INDEX audit_log_patients;
CREATE INDEX audit_log_patients ON audit_log USING gin (patients) WITH (gin_pending_list_limit = 16384) WHERE cardinality(patients) > 1;
