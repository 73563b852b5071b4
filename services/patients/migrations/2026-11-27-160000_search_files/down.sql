DROP FUNCTION search_files();
ALTER INDEX patients_search RESET (gin_pending_list_limit);
ALTER INDEX patients_by_phone_parts RESET (gin_pending_list_limit);
ALTER INDEX patients_by_phone_parts SET (fastupdate = off);
