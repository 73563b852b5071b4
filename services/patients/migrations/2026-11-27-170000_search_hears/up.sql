-- Search hears of new patients and of changed ones by one function, which takes the rows as they were written: a function in
-- between had to be called, and to look each patient up again. That was a third of what a registration costs. It says what the two
-- said before.
CREATE FUNCTION search_hears() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    -- Of an update, whose words may be others now.
    changed bigint[];
BEGIN
    IF TG_OP = 'UPDATE' THEN
        changed := ARRAY(
            SELECT id FROM new_rows AS later JOIN old_rows AS earlier USING (id)
            WHERE (later.first_name, later.last_name, later.email, later.phone, later.patient_id, later.merged_into)
                IS DISTINCT FROM (earlier.first_name, earlier.last_name, earlier.email, earlier.phone, earlier.patient_id, earlier.merged_into));
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
    END IF;
    -- In order, so that two who learn the same new word wait for one another and not in a circle, and so that many words find their
    -- pages side by side. Who was merged into another is not searched.
    WITH bearers AS MATERIALIZED (
        SELECT -id AS recency, names, mail_words(email, names) AS mails, number_words(patient_id, phone) AS numbers
        FROM new_rows, name_words(first_name, last_name) AS names
        WHERE merged_into IS NULL AND (changed IS NULL OR id IN (SELECT unnest(changed)))
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
    RETURN NULL;
END $$;

DROP TRIGGER search_hears_of_new ON patients;
DROP TRIGGER search_hears_of_changes ON patients;
DROP FUNCTION search_hears_of_new();
DROP FUNCTION search_hears_of_changes();
DROP FUNCTION search_learns(bigint[]);

CREATE TRIGGER search_hears_of_new AFTER INSERT ON patients REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION search_hears();
CREATE TRIGGER search_hears_of_changes AFTER UPDATE ON patients REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION search_hears();

DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION search_hears() SET search_path = %I, extensions, pg_temp', current_schema());
END $$;
