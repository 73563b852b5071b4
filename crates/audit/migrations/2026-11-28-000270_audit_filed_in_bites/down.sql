DROP FUNCTION audit_file_patients();
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
