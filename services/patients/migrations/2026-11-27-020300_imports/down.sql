DROP FUNCTION patient_numbers_reach;
