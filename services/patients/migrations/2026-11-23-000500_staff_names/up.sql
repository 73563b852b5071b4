-- So that patients can be told by name who opened their record. Empty until an event tells it, and for who is no staff.
ALTER TABLE staff ADD COLUMN name text NOT NULL DEFAULT '';
