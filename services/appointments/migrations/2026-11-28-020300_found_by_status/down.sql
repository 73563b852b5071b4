DROP INDEX appointments_awaited;
CREATE INDEX appointments_awaited ON appointments (starts_at) WHERE status IN ('SCHEDULED', 'CONFIRMED');
DROP INDEX appointments_of_status;
