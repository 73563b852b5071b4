DROP TABLE appointment_history;
DROP FUNCTION appointment_history_is_final;
DROP TABLE appointments;
DROP TABLE availability_hours;
DROP TABLE availability;
DROP TABLE patients;
DROP TABLE staff;
