ALTER TABLE time_off DROP COLUMN version;
