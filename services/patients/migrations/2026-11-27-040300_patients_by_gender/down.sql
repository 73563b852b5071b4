DROP INDEX CONCURRENTLY patients_by_gender;
