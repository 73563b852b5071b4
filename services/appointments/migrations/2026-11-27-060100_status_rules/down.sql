ALTER TABLE appointment_history DISABLE TRIGGER appointment_history_final;
UPDATE appointment_history SET changed_by = 0 WHERE changed_by IS NULL;
ALTER TABLE appointment_history ENABLE TRIGGER appointment_history_final;
ALTER TABLE appointment_history DROP COLUMN changed, ALTER COLUMN changed_by SET NOT NULL;
DROP INDEX appointments_awaited;
ALTER TABLE appointments DROP COLUMN rescheduling_cause;
