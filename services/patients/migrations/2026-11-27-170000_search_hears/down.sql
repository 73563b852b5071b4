DROP TRIGGER search_hears_of_new ON patients;
DROP TRIGGER search_hears_of_changes ON patients;
DROP FUNCTION search_hears();

-- Notes the words of some patients. One plan for all calls: to plan anew costs more than to do it. In order, so that two who
-- learn the same new word wait for one another and not in a circle, and so that many words find their pages side by side.
-- Who was merged into another is not searched: as JSON, since a row may not say yet whether it was.
CREATE FUNCTION search_learns(ids bigint[]) RETURNS void LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    WITH bearers AS MATERIALIZED (
        SELECT -id AS recency, names, mail_words(email, names) AS mails, number_words(patient_id, phone) AS numbers
        -- Joined: looked up in an array, each patient of many would be compared with all others.
        FROM unnest(ids) AS whose JOIN patients ON id = whose, name_words(first_name, last_name) AS names
        WHERE to_jsonb(patients) ->> 'merged_into' IS NULL
    ), known AS (
        INSERT INTO search_dictionary (word)
        SELECT DISTINCT each.word FROM bearers, unnest(names || mails) AS each (word)
        WHERE NOT EXISTS (SELECT FROM search_dictionary AS there WHERE there.word = each.word)
        ORDER BY 1
        ON CONFLICT DO NOTHING
    ), paired AS (
        INSERT INTO patient_word_pairs (word, other, recency)
        SELECT word, other, recency FROM bearers, word_pairs(names, mails)
        ORDER BY 1, 2, 3
        ON CONFLICT DO NOTHING
    )
    INSERT INTO patient_words (word, recency)
    SELECT word, recency FROM bearers, unnest(names || mails || numbers) AS word
    ORDER BY 1, 2
    ON CONFLICT DO NOTHING;
END $$;

-- As the owner: nobody else writes words, and whoever writes a patient cannot forget them. By statement, so that many
-- patients at once cost little more than one.
CREATE FUNCTION search_hears_of_new() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM search_learns(ARRAY(SELECT id FROM new_rows));
    RETURN NULL;
END $$;
CREATE TRIGGER search_hears_of_new AFTER INSERT ON patients REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION search_hears_of_new();

CREATE FUNCTION search_hears_of_changes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    changed bigint[] := ARRAY(
        SELECT id FROM new_rows AS later JOIN old_rows AS earlier USING (id)
        WHERE (later.first_name, later.last_name, later.email, later.phone, later.patient_id)
            IS DISTINCT FROM (earlier.first_name, earlier.last_name, earlier.email, earlier.phone, earlier.patient_id)
            OR to_jsonb(later) ->> 'merged_into' IS DISTINCT FROM to_jsonb(earlier) ->> 'merged_into');
BEGIN
    IF changed = '{}' THEN
        RETURN NULL;
    END IF;
    WITH bearers AS MATERIALIZED (
        SELECT -id AS recency, names, mail_words(email, names) AS mails, number_words(patient_id, phone) AS numbers
        FROM unnest(changed) AS whose JOIN old_rows ON id = whose, name_words(first_name, last_name) AS names
    ), parted AS (
        DELETE FROM patient_word_pairs AS pair USING bearers, word_pairs(names, mails) AS gone
        WHERE pair.word = gone.word AND pair.other = gone.other AND pair.recency = bearers.recency
    )
    DELETE FROM patient_words AS known USING bearers, unnest(names || mails || numbers) AS gone (word)
    WHERE known.word = gone.word AND known.recency = bearers.recency;
    PERFORM search_learns(changed);
    RETURN NULL;
END $$;
CREATE TRIGGER search_hears_of_changes AFTER UPDATE ON patients REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION search_hears_of_changes();

DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION search_hears_of_new() SET search_path = %I, extensions, pg_temp', current_schema());
    EXECUTE format('ALTER FUNCTION search_hears_of_changes() SET search_path = %I, extensions, pg_temp', current_schema());
END $$;
