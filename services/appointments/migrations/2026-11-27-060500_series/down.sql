ALTER TABLE appointments DROP COLUMN series_id;
DROP TABLE series;
