-- Of patients who were there before, the numbers without their zeros. After the function that makes them for newcomers, so that
-- nobody is missed who is registered meanwhile.
INSERT INTO patient_words (word, recency)
SELECT number, -coalesce(merged_into, id) FROM patients, unnest(number_words(patient_id, NULL)) AS number
WHERE length(patient_id) > 6 AND patient_id LIKE 'P0%'
ON CONFLICT DO NOTHING;
