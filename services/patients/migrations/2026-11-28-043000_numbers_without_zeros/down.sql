CREATE OR REPLACE FUNCTION search_hears_of_merges() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    DELETE FROM patient_words WHERE word = '#' || substr(OLD.patient_id, 2) AND recency = -OLD.merged_into;
    INSERT INTO patient_words (word, recency)
    SELECT '#' || substr(NEW.patient_id, 2), -NEW.merged_into WHERE NEW.merged_into IS NOT NULL
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION search_hears_of_merges() SET search_path = %I, extensions, pg_temp', current_schema());
END $$;

CREATE OR REPLACE FUNCTION number_words(patient_id text, phone text) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN array_remove(ARRAY['#' || substr(patient_id, 2), substr(replace(phone, '+91', '+'), 2)], NULL);
