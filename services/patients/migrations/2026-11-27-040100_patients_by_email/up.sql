CREATE INDEX CONCURRENTLY patients_by_email ON patients (email) WHERE email IS NOT NULL;
