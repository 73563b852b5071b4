-- What search looks through: every word by which a patient is found, in the order in which a search shows them, so that a
-- page is a stretch of an index and nothing is sorted, however many patients bear the word.

-- How a word of a name sounds; the rules of src/search/sound.rs.
CREATE FUNCTION sound(word text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
    RETURN regexp_replace(
        replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(lower(word),
            'x', 'ks'), 'sh', 's'), 'th', 't'), 'dh', 'd'), 'ee', 'i'), 'oo', 'u'), 'ou', 'u'), 'w', 'v'), 'ph', 'f'),
            'z', 's'), 'y', 'i'),
        '(.)\1+', '\1', 'g');

-- The words of a name.
CREATE FUNCTION name_words(first_name text, last_name text) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
    RETURN ARRAY(SELECT DISTINCT word FROM string_to_array(fold_name(first_name || ' ' || last_name), ' ') AS words,
        unnest(words) AS word WHERE word <> '');

-- What an e-mail address says beyond the name, each word after an @: runs of letters before the @, without the words of
-- the name, and the host. Most addresses are made of the name, and add nothing but the host.
CREATE FUNCTION mail_words(email text, names text[]) RETURNS text[]
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    known text := (SELECT string_agg(name, '|' ORDER BY length(name) DESC) FROM unnest(names) AS name WHERE name ~ '^[[:alpha:]]{3,}$');
    rest text := split_part(fold(email), '@', 1);
BEGIN
    IF email IS NULL THEN
        RETURN '{}';
    END IF;
    IF known IS NOT NULL THEN
        rest := regexp_replace(rest, known, ' ', 'g');
    END IF;
    RETURN ARRAY(SELECT DISTINCT '@' || word FROM regexp_split_to_table(rest, '[^[:alpha:]]+') AS word WHERE length(word) > 2)
        || CASE WHEN email LIKE '%@_%' THEN ARRAY['@' || split_part(fold(email), '@', 2)] ELSE '{}' END;
END $$;

-- The numbers of a patient as words: the patient's number after a #, and the phone as it is dialled within India, of other
-- countries all digits.
CREATE FUNCTION number_words(patient_id text, phone text) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN array_remove(ARRAY['#' || substr(patient_id, 2), substr(replace(phone, '+91', '+'), 2)], NULL);

-- Every four and every five digits of a phone that follow one another, with a 1 before them.
CREATE FUNCTION phone_parts(phone text) RETURNS integer[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
    RETURN ARRAY(SELECT DISTINCT ('1' || substr(phone, at, digits))::integer
        FROM generate_series(4, 5) AS digits, generate_series(2, length(phone) - digits + 1) AS at);

-- The newest patient has the lowest `recency`, which is minus the id: an index runs in one direction.
CREATE TABLE patient_words (
    word text COLLATE "C" NOT NULL,
    recency bigint NOT NULL CHECK (recency < 0),
    PRIMARY KEY (word, recency)
);

-- Two words of one patient, in either order; two words of the e-mail address are no pair, nor is its host of any.
CREATE TABLE patient_word_pairs (
    word text COLLATE "C" NOT NULL,
    other text COLLATE "C" NOT NULL,
    recency bigint NOT NULL CHECK (recency < 0),
    PRIMARY KEY (word, other, recency)
);

-- Every word that is no number, once: few, though patients are many. One that nobody bears any more stays and harms nothing.
CREATE TABLE search_dictionary (
    word text COLLATE "C" NOT NULL PRIMARY KEY,
    -- Of words of names only.
    sound text COLLATE "C" GENERATED ALWAYS AS (CASE WHEN word NOT LIKE '@%' THEN sound(word) END) STORED
);
CREATE INDEX search_dictionary_parts ON search_dictionary USING gin (word extensions.gin_trgm_ops);
CREATE INDEX search_dictionary_sounds ON search_dictionary (sound, word) WHERE sound IS NOT NULL;

-- Few words are so frequent that the usual hundred would not tell them from the others.
ALTER TABLE patient_words ALTER COLUMN word SET STATISTICS 1000;

-- Two words of one patient in either order: of the name, or one of them of the e-mail address, but not its host.
CREATE FUNCTION word_pairs(names text[], mails text[]) RETURNS TABLE (word text, other text)
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT one, other FROM unnest(names) AS one, unnest(names || mails) AS other WHERE one <> other AND other NOT LIKE '@%.%'
    UNION ALL SELECT mail, name FROM unnest(mails) AS mail, unnest(names) AS name WHERE mail NOT LIKE '@%.%'
$$;

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
DECLARE
    app text := regexp_replace(current_user, '_owner$', '_app');
BEGIN
    EXECUTE format('ALTER FUNCTION search_hears_of_new() SET search_path = %I, extensions, pg_temp', current_schema());
    EXECUTE format('ALTER FUNCTION search_hears_of_changes() SET search_path = %I, extensions, pg_temp', current_schema());
    EXECUTE format('REVOKE ALL ON patient_words, patient_word_pairs, search_dictionary FROM %I', app);
    EXECUTE format('GRANT SELECT ON patient_words, patient_word_pairs, search_dictionary TO %I', app);
END $$;
