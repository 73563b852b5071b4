-- But for what is somebody's number as it is written.
DELETE FROM patient_words USING patients, unnest(number_words(patient_id, NULL)) AS number
WHERE length(patient_id) > 6 AND patient_id LIKE 'P0%' AND word = number AND recency = -coalesce(merged_into, id)
    AND NOT EXISTS (SELECT FROM patients AS known WHERE known.patient_id = 'P' || substr(word, 2) AND -coalesce(known.merged_into, known.id) = recency);
