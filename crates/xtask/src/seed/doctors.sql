-- What the other services would have heard of the seeded doctors by events, and their hours: Monday to Saturday, nine to one
-- and two to six, on holidays too, in slots of 15, 20 or 30 minutes.
BEGIN;

CREATE TEMP TABLE doctors ON COMMIT DROP AS
    SELECT id, split_part(username, '.', 3)::integer AS number, role, btrim(first_name || ' ' || last_name) AS name,
           specialization, department, registration_number, is_active, version
    FROM users.users WHERE username LIKE 'seed.doctor.%';

INSERT INTO appointments.staff (id, role, name, specialization, department, is_active, version, registration_number)
    SELECT id, role, name, specialization, department, is_active, version, registration_number FROM doctors
    ON CONFLICT DO NOTHING;
INSERT INTO patients.staff (id, role, department, is_active, version, name)
    SELECT id, role, department, is_active, version, name FROM doctors ON CONFLICT DO NOTHING;
INSERT INTO billing.doctors (id, name, is_active, version)
    SELECT id, name, is_active, version FROM doctors ON CONFLICT DO NOTHING;

INSERT INTO appointments.availability (doctor_id, slot_minutes, works_on_holidays, updated_by)
    SELECT id, (ARRAY[15, 20, 30])[1 + number % 3], true, id FROM doctors ON CONFLICT DO NOTHING;
INSERT INTO appointments.availability_hours (doctor_id, weekday, start_time, end_time)
    SELECT id, weekday, shift.start_time, shift.end_time
    FROM doctors CROSS JOIN generate_series(0, 5) AS weekday
    CROSS JOIN (VALUES (time '09:00', time '13:00'), (time '14:00', time '18:00')) AS shift (start_time, end_time)
    ON CONFLICT DO NOTHING;

COMMIT;
ANALYZE users.users, appointments.staff, appointments.availability, appointments.availability_hours, billing.doctors;
