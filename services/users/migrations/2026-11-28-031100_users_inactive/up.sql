-- Few among many: without it a list of them would read everybody.
CREATE INDEX CONCURRENTLY users_inactive ON users (id) WHERE NOT is_active;
