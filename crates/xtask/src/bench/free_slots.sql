-- Times at which a seeded doctor can be booked, with a patient each who has nothing else then: patient, doctor, date and time, so
-- mixed that no doctor's come one after the other. No patient comes twice.
SET search_path = appointments, extensions;
SET work_mem = '128MB';
SET jit = off;

CREATE TEMP TABLE mixed AS
    SELECT *, starts_at + make_interval(mins => slot_minutes) AS ends_at
    FROM (
        SELECT a.doctor_id, day::date AS day, begins + a.slot_minutes * at AS minute, a.slot_minutes,
               (day::date + make_interval(mins => begins + a.slot_minutes * at)) AT TIME ZONE 'Asia/Kolkata' AS starts_at
        FROM generate_series(:'from'::date, :'to'::date, interval '1 day') AS day
        CROSS JOIN availability a JOIN users.users u ON u.id = a.doctor_id
        CROSS JOIN (VALUES (9 * 60), (14 * 60)) AS shift (begins) CROSS JOIN LATERAL generate_series(0, 240 / a.slot_minutes - 1) AS at
        WHERE u.username LIKE 'seed.doctor.%' AND extract(isodow FROM day) < 7
    ) AS slots
    ORDER BY hashint8extended(doctor_id * 10000 + minute, day - date '2000-01-01'), doctor_id, minute, day LIMIT 2 * :most;

CREATE TEMP TABLE free AS
    SELECT m.*, row_number() OVER () AS place
    FROM mixed m LEFT JOIN LATERAL (
        SELECT a.id FROM appointments a
        WHERE a.doctor_id = m.doctor_id AND a.status NOT IN ('CANCELLED', 'NO_SHOW') AND a.held_until > m.starts_at
          AND a.held_from < m.ends_at AND a.starts_at > m.starts_at - interval '10 hours' AND a.starts_at < m.ends_at + interval '2 hours'
        LIMIT 1) AS taken ON true
    WHERE taken.id IS NULL;

CREATE TEMP TABLE people AS
    SELECT id, row_number() OVER (ORDER BY hashint8extended(id, 9), id) AS place FROM patients WHERE is_active;
CREATE UNIQUE INDEX ON people (place);
ANALYZE free, people;

SELECT p.id, f.doctor_id, f.day, to_char(f.starts_at AT TIME ZONE 'Asia/Kolkata', 'HH24:MI:SS')
FROM free f JOIN people p USING (place) LEFT JOIN LATERAL (
    SELECT a.id FROM appointments a
    WHERE a.patient_id = p.id AND a.status NOT IN ('CANCELLED', 'NO_SHOW') AND a.ends_at > f.starts_at
      AND a.starts_at > f.starts_at - interval '8 hours' AND a.starts_at < f.ends_at
    LIMIT 1) AS elsewhere ON true
WHERE elsewhere.id IS NULL
ORDER BY place LIMIT :most;
