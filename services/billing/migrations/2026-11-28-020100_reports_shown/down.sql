ALTER TABLE reports DROP COLUMN shown_to;
