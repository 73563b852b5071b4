-- What every list of appointments shows of their patients, without a page of the table for each. Where it had the number of one of
-- audit's migrations it may be there already.
CREATE UNIQUE INDEX IF NOT EXISTS patients_shown ON patients (id) INCLUDE (name, user_id);
