-- Few among many: without it a list of them would read everybody.
CREATE INDEX CONCURRENTLY patients_inactive ON patients (id) WHERE NOT is_active;
