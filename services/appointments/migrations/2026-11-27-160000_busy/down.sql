DROP INDEX appointments_busy;
