-- The list may grow to 64 MB: the worker files it every five minutes, or before it is full. What many lists show of the same
-- patients is then one change of the index and not many.
DROP INDEX audit_log_patients;
CREATE INDEX audit_log_patients ON audit_log USING gin (patients) WITH (gin_pending_list_limit = 65536) WHERE cardinality(patients) > 1;
