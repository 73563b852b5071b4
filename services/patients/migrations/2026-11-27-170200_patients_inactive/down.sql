DROP INDEX CONCURRENTLY patients_inactive;
