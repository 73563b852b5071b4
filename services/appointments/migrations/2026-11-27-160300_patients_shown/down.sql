DROP INDEX patients_shown;
