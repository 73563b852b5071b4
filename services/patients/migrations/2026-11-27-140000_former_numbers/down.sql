DROP TRIGGER search_hears_of_merges ON patients;
DROP FUNCTION search_hears_of_merges();
DELETE FROM patient_words USING patients
WHERE merged_into IS NOT NULL AND word = '#' || substr(patient_id, 2) AND recency = -merged_into;
