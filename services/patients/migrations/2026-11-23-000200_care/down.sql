DROP TABLE care_appointments;
DROP TABLE staff;
