DO $$
DECLARE
    ids bigint[];
    last bigint := 0;
BEGIN
    -- Patients who were there before search learnt words: some at a time, so that nobody waits for the last of a million.
    -- Locked, so that a change waits until the words are there that it takes away.
    LOOP
        ids := ARRAY(SELECT id FROM patients WHERE id > last ORDER BY id LIMIT 5000 FOR NO KEY UPDATE);
        EXIT WHEN ids = '{}';
        PERFORM search_learns(ids);
        last := ids[array_upper(ids, 1)];
        COMMIT;
    END LOOP;
END $$
