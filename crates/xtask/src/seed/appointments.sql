-- The appointments of some days, of which there are :wanted in all from :first to :last. Which slot of which doctor is taken
-- follows from the day and the doctor's number alone; whose it is, from the appointment's number.
SET search_path = appointments, extensions;
SET synchronous_commit = off;
SET work_mem = '128MB';
SET jit = off;
BEGIN;

CREATE TEMP TABLE people ON COMMIT DROP AS
    SELECT id, row_number() OVER (ORDER BY id) - 1 AS place
    FROM patients JOIN (SELECT id FROM patients.patients WHERE abha_address LIKE 'seed%@sbx' ORDER BY id LIMIT :people) AS seeded
    USING (id);
CREATE UNIQUE INDEX ON people (place);
ANALYZE people;

WITH days AS (
    SELECT day::date AS day, row_number() OVER (ORDER BY day) - 1 AS place, count(*) OVER () AS several
    FROM generate_series(:'first'::date, :'last'::date, interval '1 day') AS day WHERE extract(isodow FROM day) < 7
), shares AS (
    SELECT day, place * :wanted / several AS earlier, (place + 1) * :wanted / several - place * :wanted / several AS share
    FROM days WHERE day BETWEEN :'from'::date AND :'to'::date
), doctors AS (
    SELECT a.doctor_id, a.slot_minutes, split_part(u.username, '.', 3)::bigint AS number
    FROM availability a JOIN users.users u ON u.id = a.doctor_id WHERE u.username LIKE 'seed.doctor.%'
), slots AS (
    SELECT s.day, s.earlier, s.share, d.doctor_id, d.number AS doctor, d.slot_minutes, minute,
           row_number() OVER (PARTITION BY s.day
               ORDER BY hashint8extended(d.number * 10000 + minute, s.day - date '2000-01-01'), d.number, minute) AS turn
    FROM shares s CROSS JOIN doctors d CROSS JOIN (VALUES (9 * 60), (14 * 60)) AS shift (begins)
    CROSS JOIN LATERAL generate_series(begins, begins + 240 - d.slot_minutes, d.slot_minutes) AS minute
), taken AS (
    -- Numbered by time: those of any two hours are fewer than the people, so that nobody is in two places at once.
    SELECT doctor_id, (day + make_interval(mins => minute)) AT TIME ZONE 'Asia/Kolkata' AS starts_at, slot_minutes,
           earlier + row_number() OVER (PARTITION BY day ORDER BY minute, doctor) - 1 AS number
    FROM slots WHERE turn <= share
), thrown AS (
    SELECT t.*, starts_at + make_interval(mins => slot_minutes) AS ends_at,
           hashint8extended(number, 1) & 127 AS fate, hashint8extended(number, 2) & 15 AS what,
           make_interval(mins => 30 * (1 + (hashint8extended(number, 3) & 1023))::integer) AS ahead
    FROM taken t
), written AS (
    INSERT INTO appointments (patient_id, doctor_id, starts_at, ends_at, status, appointment_type, reason, notes,
                              cancellation_reason, created_at, updated_at)
    SELECT p.id, t.doctor_id, t.starts_at, t.ends_at, told.status, CASE WHEN what < 2 THEN 'TELECONSULT' ELSE 'IN_PERSON' END,
           (ARRAY['Fever for three days', 'Follow-up', 'Blood pressure', 'Cough', 'Back pain', 'Diabetes, review', 'Headache',
                  'Rash', 'Results of tests', 'Knee pain', 'Stomach ache', 'Vaccination', 'Antenatal visit', 'Weakness',
                  'Chest pain', 'Second opinion'])[1 + what::integer],
           CASE WHEN told.status = 'COMPLETED' THEN 'Seen. Advice given, review if no better.' ELSE '' END,
           CASE WHEN told.status = 'CANCELLED' THEN 'The patient cannot come' ELSE '' END,
           least(starts_at, now()) - ahead, least(ends_at, now() - ahead * (starts_at > now())::integer)
    FROM thrown t JOIN people p ON p.place = t.number * 1000003 % :people
    CROSS JOIN LATERAL (SELECT CASE
        WHEN fate < 10 THEN 'CANCELLED'
        WHEN starts_at < now() THEN CASE WHEN fate < 20 THEN 'NO_SHOW' ELSE 'COMPLETED' END
        WHEN fate < 50 THEN 'CONFIRMED' ELSE 'SCHEDULED' END AS status) AS told
    ORDER BY t.number
    RETURNING id, created_at, status, doctor_id, starts_at, ends_at
)
INSERT INTO appointment_history (appointment_id, version, changed_at, changed_by, changed_as, new_status, new_doctor_id,
                                 new_starts_at, new_ends_at, why)
    SELECT id, 1, created_at, NULL, 'SYSTEM', status, doctor_id, starts_at, ends_at, 'seeded' FROM written;

COMMIT;
