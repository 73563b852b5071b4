-- Who was merged into another is not searched by what they were called: the other is, by their number too, which stands on
-- cards and papers. As the owner, as all words are written.
CREATE FUNCTION search_hears_of_merges() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    DELETE FROM patient_words WHERE word = '#' || substr(OLD.patient_id, 2) AND recency = -OLD.merged_into;
    INSERT INTO patient_words (word, recency)
    SELECT '#' || substr(NEW.patient_id, 2), -NEW.merged_into WHERE NEW.merged_into IS NOT NULL
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER search_hears_of_merges AFTER UPDATE OF merged_into ON patients
    FOR EACH ROW WHEN (NEW.merged_into IS DISTINCT FROM OLD.merged_into) EXECUTE FUNCTION search_hears_of_merges();

DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION search_hears_of_merges() SET search_path = %I, extensions, pg_temp', current_schema());
END $$;

INSERT INTO patient_words (word, recency)
SELECT '#' || substr(patient_id, 2), -merged_into FROM patients WHERE merged_into IS NOT NULL
ON CONFLICT DO NOTHING;
