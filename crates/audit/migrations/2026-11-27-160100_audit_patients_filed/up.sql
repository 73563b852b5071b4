-- A row about many patients has many entries in this index. They wait in its list until the worker files them: a request that
-- has to do it, since the list is full, keeps all others waiting meanwhile. 16 MB: some twenty seconds of lists and schedules
-- at full load, should no worker run.
DROP INDEX audit_log_patients;
CREATE INDEX audit_log_patients ON audit_log USING gin (patients) WITH (gin_pending_list_limit = 16384) WHERE cardinality(patients) > 1;

-- As the owner, since only an index's owner may.
CREATE FUNCTION audit_file_patients() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM gin_clean_pending_list(inhrelid) FROM pg_inherits WHERE inhparent = 'audit_log_patients'::regclass;
END $$;

DO $$
DECLARE
    app text := regexp_replace(current_user, '_owner$', '_app');
BEGIN
    EXECUTE format('ALTER FUNCTION audit_file_patients() SET search_path = %I, pg_temp', current_schema());
    REVOKE ALL ON FUNCTION audit_file_patients() FROM PUBLIC;
    EXECUTE format('GRANT EXECUTE ON FUNCTION audit_file_patients() TO %I', app);
END $$;
