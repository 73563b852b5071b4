DROP TABLE external_messages, external_appointments;
ALTER TABLE staff DROP COLUMN registration_number;
