-- Parts of phones wait in a list as those of words do, and the worker files both: src/search/filing.rs. The list is read by every
-- search, so that it is to stay short should no worker run.
ALTER INDEX patients_by_phone_parts SET (fastupdate = on, gin_pending_list_limit = 512);
ALTER INDEX patients_search SET (gin_pending_list_limit = 1024);

-- As the owner, since only an index's owner may.
CREATE FUNCTION search_files() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM gin_clean_pending_list(filed) FROM unnest(ARRAY['patients_by_phone_parts', 'patients_search', 'search_dictionary_parts']::regclass[]) AS filed;
END $$;

DO $$
DECLARE
    app text := regexp_replace(current_user, '_owner$', '_app');
BEGIN
    EXECUTE format('ALTER FUNCTION search_files() SET search_path = %I, pg_temp', current_schema());
    REVOKE ALL ON FUNCTION search_files() FROM PUBLIC;
    EXECUTE format('GRANT EXECUTE ON FUNCTION search_files() TO %I', app);
END $$;
