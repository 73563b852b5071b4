-- What every list of appointments shows of their patients, without a page of the table for each.
CREATE UNIQUE INDEX patients_shown ON patients (id) INCLUDE (name, user_id);
