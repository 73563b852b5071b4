-- A number of an older system may have more zeros before it than ours have: `#00012345` is a word as `#12345` too, which is what
-- is looked for when somebody types it without them.
CREATE OR REPLACE FUNCTION number_words(patient_id text, phone text) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN array_remove(ARRAY['#' || substr(patient_id, 2),
        CASE WHEN length(patient_id) > 6 AND patient_id LIKE 'P0%' THEN regexp_replace(patient_id, '^P0*(?=[0-9]{5})', '#') END,
        substr(replace(phone, '+91', '+'), 2)], NULL);

-- Two numbers may be one but for their zeros: what the survivor and others merged into them are known by stays when one of
-- these is parted again.
CREATE OR REPLACE FUNCTION search_hears_of_merges() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    DELETE FROM patient_words WHERE word = ANY (number_words(OLD.patient_id, NULL)) AND recency = -OLD.merged_into;
    INSERT INTO patient_words (word, recency)
    SELECT number, -coalesce(known.merged_into, known.id)
    FROM patients AS known, unnest(number_words(known.patient_id, NULL)) AS number
    WHERE known.merged_into IN (OLD.merged_into, NEW.merged_into) OR (known.id = OLD.merged_into AND known.merged_into IS NULL)
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION search_hears_of_merges() SET search_path = %I, extensions, pg_temp', current_schema());
END $$;
