-- Grows when the next import of a calendar moves a block; what was entered by hand keeps its first one.
ALTER TABLE time_off ADD COLUMN version bigint NOT NULL DEFAULT 1;
