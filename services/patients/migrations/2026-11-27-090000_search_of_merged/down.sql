DROP TRIGGER search_hears_of_merges ON patients;
DROP FUNCTION search_hears_of_merges();
SELECT search_learns(ARRAY(SELECT id FROM patients WHERE merged_into IS NOT NULL));
