-- Says how many pages of the lists it filed: who files can tell whether there is more to come soon.
DROP FUNCTION IF EXISTS audit_file_patients();
CREATE FUNCTION audit_file_patients() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS $$
    SELECT coalesce(sum(gin_clean_pending_list(inhrelid)), 0)::bigint FROM pg_inherits WHERE inhparent = 'audit_log_patients'::regclass
$$;

DO $$
DECLARE
    app text := regexp_replace(current_user, '_owner$', '_app');
BEGIN
    EXECUTE format('ALTER FUNCTION audit_file_patients() SET search_path = %I, pg_temp', current_schema());
    REVOKE ALL ON FUNCTION audit_file_patients() FROM PUBLIC;
    EXECUTE format('GRANT EXECUTE ON FUNCTION audit_file_patients() TO %I', app);
END $$;
