-- Who was merged into another is found as that other alone: the words go with the merge and come back when it is undone. A
-- merged record does not change otherwise, so nothing else teaches its words again.
CREATE FUNCTION search_hears_of_merges() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    names text[] := name_words(NEW.first_name, NEW.last_name);
    mails text[] := mail_words(NEW.email, names);
BEGIN
    IF NEW.merged_into IS NULL THEN
        PERFORM search_learns(ARRAY[NEW.id]);
        RETURN NULL;
    END IF;
    DELETE FROM patient_word_pairs AS pair USING word_pairs(names, mails) AS gone
    WHERE pair.word = gone.word AND pair.other = gone.other AND pair.recency = -NEW.id;
    DELETE FROM patient_words WHERE word = ANY (names || mails || number_words(NEW.patient_id, NEW.phone)) AND recency = -NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER search_hears_of_merges AFTER UPDATE OF merged_into ON patients
    FOR EACH ROW WHEN (NEW.merged_into IS DISTINCT FROM OLD.merged_into) EXECUTE FUNCTION search_hears_of_merges();

DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION search_hears_of_merges() SET search_path = %I, extensions, pg_temp', current_schema());
END $$;
