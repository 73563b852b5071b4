CREATE INDEX CONCURRENTLY patients_by_gender ON patients (gender, id);
