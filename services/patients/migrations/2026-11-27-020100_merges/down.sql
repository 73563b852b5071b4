DROP TABLE patient_merge_moves, patient_merges;
DROP FUNCTION patient_merges_stay, patient_merges_are_undone_once;
DROP TRIGGER patients_rest_while_merged ON patients;
DROP TRIGGER patients_merge_flatly ON patients;
DROP FUNCTION patients_rest_while_merged, patients_merge_flatly;
ALTER TABLE patients DROP COLUMN merged_into;
