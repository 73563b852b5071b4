-- A list of one role, in its order: without it those of a rare one are looked for among all.
CREATE INDEX CONCURRENTLY users_by_role ON users (role, id);
