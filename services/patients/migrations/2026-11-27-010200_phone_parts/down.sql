DROP INDEX patients_by_phone_parts;
