DROP FUNCTION one_patient;
DROP TABLE merged_patients;
