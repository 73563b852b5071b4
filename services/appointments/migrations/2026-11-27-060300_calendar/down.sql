DROP TABLE time_off, period_hours, hours_periods;
ALTER TABLE availability DROP COLUMN works_on_holidays;
