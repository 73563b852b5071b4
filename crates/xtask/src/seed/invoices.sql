-- The invoices with the numbers :from to :to of the :wanted of a financial year: drafted with their lines, issued, and paid or
-- credited, as the service does it, all in one transaction. What an invoice says follows from its number alone.
SET search_path = billing, extensions;
SET synchronous_commit = off;
SET jit = off;
-- What the triggers look up is one row by key, also where the tables are still small.
SET enable_seqscan = off;
BEGIN;

CREATE TEMP TABLE people ON COMMIT DROP AS
    SELECT p.*, row_number() OVER (ORDER BY id) - 1 AS place
    FROM patients p JOIN (SELECT id FROM patients.patients WHERE abha_address LIKE 'seed%@sbx' ORDER BY id LIMIT :people) AS seeded
    USING (id);
CREATE UNIQUE INDEX ON people (place);
ANALYZE people;

CREATE TEMP TABLE bills ON COMMIT DROP AS
    SELECT nextval(pg_get_serial_sequence('invoices', 'id')) AS id, number AS serial, p.id AS patient_id, p.name,
           p.patient_id AS patient_number, p.address, p.state, at, (at AT TIME ZONE 'Asia/Kolkata')::date AS dated, is_large, is_registered,
           CASE WHEN is_large THEN 96 WHEN is_registered THEN 92 + (hashint8extended(number, 1) & 31)
                ELSE hashint8extended(number, 1) & 127 END AS visit, hashint8extended(number, 2) & 1023 AS dice,
           CASE WHEN number % 100 = 0 THEN 'CANCELLED'
                WHEN hashint8extended(number, 3) & 127 < 8 THEN 'UNPAID'
                WHEN hashint8extended(number, 3) & 127 < 12 THEN 'PARTIALLY_PAID'
                ELSE 'PAID' END AS fate,
           hashint8extended(number, 4) & 127 AS method, hashint8extended(number, 5) & 15 AS other
    FROM generate_series(:from::bigint, :to::bigint) AS number
    CROSS JOIN LATERAL (SELECT (:'first'::timestamp + (number - 1) * ((:'last'::timestamp - :'first'::timestamp) / :wanted))
        AT TIME ZONE 'Asia/Kolkata' AS at) AS moment
    -- The GST return tells these one by one: some of each in any thousand, some of them credited, and of a million no more than
    -- an answer holds.
    CROSS JOIN LATERAL (SELECT number % 1000 = 21 OR number % 2000 = 100 AS is_large,
                               number % 1000 = 7 OR number % 800 = 0 AS is_registered) AS told
    JOIN people p ON p.place = number * 1000003 % :people
    WHERE NOT EXISTS (SELECT FROM invoices i WHERE i.supplier_gstin = :'gstin' AND i.series = :'series' AND i.financial_year = :year
                      AND i.serial = number);
ANALYZE bills;

-- The states that seeded people live in.
CREATE TEMP TABLE states (name text PRIMARY KEY, code text) ON COMMIT DROP;
INSERT INTO states VALUES
    ('Andhra Pradesh', '37'), ('Bihar', '10'), ('Goa', '30'), ('Gujarat', '24'), ('Kerala', '32'), ('Madhya Pradesh', '23'),
    ('Maharashtra', '27'), ('Punjab', '03'), ('Rajasthan', '08'), ('Tamil Nadu', '33'), ('Telangana', '36'),
    ('Uttar Pradesh', '09'), ('West Bengal', '19');

-- The rules of the year, as data/gst-rates.yaml of the service has them.
CREATE TEMP TABLE rules (kind text, above bigint, from_day date, rule text, treatment text, rate bigint, text text) ON COMMIT DROP;
INSERT INTO rules VALUES
    ('CONSULTATION', 0, '2017-07-01', 'HEALTH_CARE', 'EXEMPT', 0, 'Health care by a clinical establishment, an authorised medical practitioner or a paramedic is exempt (Notification 12/2017-CT(R), serial 74)'),
    ('PROCEDURE', 0, '2017-07-01', 'HEALTH_CARE', 'EXEMPT', 0, 'Health care by a clinical establishment, an authorised medical practitioner or a paramedic is exempt (Notification 12/2017-CT(R), serial 74)'),
    ('LAB', 0, '2017-07-01', 'HEALTH_CARE', 'EXEMPT', 0, 'Health care by a clinical establishment, an authorised medical practitioner or a paramedic is exempt (Notification 12/2017-CT(R), serial 74)'),
    ('IMAGING', 0, '2017-07-01', 'HEALTH_CARE', 'EXEMPT', 0, 'Health care by a clinical establishment, an authorised medical practitioner or a paramedic is exempt (Notification 12/2017-CT(R), serial 74)'),
    ('ROOM', 0, '2022-07-18', 'ROOM_UP_TO_5000', 'EXEMPT', 0, 'A room of at most ₹5,000 a day is part of exempt health care (Notification 12/2017-CT(R), serial 74, as amended by 04/2022-CT(R))'),
    ('ROOM', 500000, '2022-07-18', 'ROOM_ABOVE_5000', 'TAXABLE', 500, 'A room outside intensive care of more than ₹5,000 a day is taxable, on the whole charge (Notification 11/2017-CT(R), serial 31A, inserted by 03/2022-CT(R))'),
    ('INPATIENT_MEDICINE', 0, '2017-07-01', 'INPATIENT_COMPOSITE_SUPPLY', 'EXEMPT', 0, 'Medicines, implants and food for an inpatient are part of the exempt composite supply of health care (CGST Act, sections 2(30) and 8(a); Circular 32/06/2018-GST; Notification 12/2017-CT(R), serial 74)'),
    ('PHARMACY', 0, '2017-07-01', 'MEDICINE_SOLD_12', 'TAXABLE', 1200, 'Medicines sold to outpatients are goods at 12 % (Notification 1/2017-CT(R), schedule II)'),
    ('PHARMACY', 0, '2025-09-22', 'MEDICINE_SOLD_5', 'TAXABLE', 500, 'Medicines sold to outpatients are goods at 5 % (Notification 9/2025-CT(R), schedule I)'),
    ('COSMETIC', 0, '2017-07-01', 'COSMETIC', 'TAXABLE', 1800, 'Cosmetic or plastic surgery and hair transplant are no health care (Notification 12/2017-CT(R), paragraph 2(zg); Notification 11/2017-CT(R), serial 31)');

-- Sixty in a hundred come to see a doctor; others for a test, a medicine, a stay, or what is no health care. Employers pay for
-- medicines and stays; what is large are medicines sent to another state. Prices are such that no tax has a fraction of a paisa.
CREATE TEMP TABLE lines ON COMMIT DROP AS
    SELECT b.id, row_number() OVER (PARTITION BY b.id ORDER BY l.place)::smallint AS line, l.kind, l.description, l.sac_hsn,
           l.quantity, l.price, b.other = 0 AND l.place = 1 AND l.kind <> 'PHARMACY' AS is_discounted,
           l.kind = 'PHARMACY' AND b.visit >= 96 AND b.visit < 98 AS leaves_state, r.rule, r.treatment, r.rate, r.text
    FROM bills b
    CROSS JOIN LATERAL (VALUES
        (1, visit < 76 OR visit >= 126, 'CONSULTATION', 'Consultation', '999312', 1000::bigint, 50000 + 10000 * (dice & 7)),
        (2, visit < 76 AND dice & 1 = 0, 'LAB', 'Complete blood count', '999316', 1000, 30000::bigint),
        (3, visit < 76 AND dice & 6 = 0, 'LAB', 'Lipid profile', '999316', 1000, 80000),
        (4, visit < 76 AND dice & 24 < 16, 'PHARMACY', 'Paracetamol 500 mg', '30049099', 1000 * (1 + (dice & 15)), 2000 + 1000 * (dice & 31)),
        (1, visit BETWEEN 76 AND 85, 'LAB', 'Thyroid profile', '999316', 1000, 60000),
        (1, visit BETWEEN 86 AND 91, 'IMAGING', 'Ultrasound, abdomen', '999316', 1000, 150000),
        (1, visit BETWEEN 92 AND 109, 'PHARMACY', 'Metformin 500 mg', '30049099', 1000 * (10 + (dice & 31)), 1000 + 1000 * (dice & 15)),
        (1, visit BETWEEN 110 AND 125, 'ROOM', 'Room, by the day', '999311', 1000 * (1 + (dice & 7)), 300000 + 150000 * (dice & 3)),
        (2, visit BETWEEN 110 AND 125, 'PROCEDURE', 'Appendicectomy', '999311', 1000, 3500000),
        (3, visit BETWEEN 110 AND 125, 'INPATIENT_MEDICINE', 'Medicines and consumables', '999311', 1000, 450000 + 10000 * dice),
        (4, visit BETWEEN 110 AND 125, 'LAB', 'Tests before the operation', '999316', 1000, 220000),
        (2, visit >= 126, 'COSMETIC', 'Hair transplant, a session', '999722', 1000, 2500000),
        (2, is_large, 'PHARMACY', 'Immunoglobulin, human, 5 g', '30021290', 10000, 1200000 + 100000 * (dice & 3))
    ) AS l (place, is_there, kind, description, sac_hsn, quantity, price)
    JOIN LATERAL (SELECT * FROM rules WHERE rules.kind = l.kind AND from_day <= b.dated AND (above = 0 OR l.price > above)
                  ORDER BY above DESC, from_day DESC LIMIT 1) AS r ON true
    WHERE l.is_there;

CREATE TEMP TABLE priced ON COMMIT DROP AS
    SELECT l.*, gross, discount, half, igst, gross - discount + 2 * half + igst AS exact
    FROM lines l
    CROSS JOIN LATERAL (SELECT quantity * price / 1000 AS gross) AS g
    CROSS JOIN LATERAL (SELECT CASE WHEN is_discounted THEN gross / 10 ELSE 0 END AS discount) AS d
    CROSS JOIN LATERAL (SELECT CASE WHEN leaves_state THEN 0 ELSE (gross - discount) * rate / 20000 END AS half,
                               CASE WHEN leaves_state THEN (gross - discount) * rate / 10000 ELSE 0 END AS igst) AS t;
ANALYZE priced;

INSERT INTO invoices (id, document_type, patient_id, dated, due_date, delivery_state, delivery_address, registered_recipient, subtotal, discount, cgst, sgst, igst, round_off,
                      total, created_by, created_at, updated_at)
    SELECT b.id,
           CASE WHEN NOT bool_or(rate > 0) THEN 'BILL_OF_SUPPLY' WHEN bool_and(rate > 0) THEN 'TAX_INVOICE'
                ELSE 'INVOICE_CUM_BILL_OF_SUPPLY' END,
           b.patient_id, b.dated, CASE WHEN fate = 'UNPAID' AND other < 8 THEN b.dated + 15 END,
           CASE WHEN bool_or(leaves_state) THEN '29' END,
           CASE WHEN bool_or(leaves_state) THEN '8 Residency Road, Bengaluru, Karnataka, 560025' END,
           CASE WHEN is_registered AND other < 8 THEN
                    '{"gstin": "27AAPFU0939F1ZV", "legal_name": "Sahyadri Mills Ltd", "address": "4 Tilak Road, Pune 411002"}'::jsonb
                WHEN is_registered THEN
                    '{"gstin": "24ABCDE1234F1Z6", "legal_name": "Suraksha Mills Ltd", "address": "9 Ashram Road, Ahmedabad 380009"}'::jsonb
           END,
           sum(gross), sum(discount), sum(half), sum(half), sum(igst),
           (sum(exact)::bigint + 50) / 100 * 100 - sum(exact)::bigint, (sum(exact)::bigint + 50) / 100 * 100, :cashier, b.at, b.at
    FROM bills b JOIN priced l ON l.id = b.id
    GROUP BY b.id, b.patient_id, b.dated, b.at, fate, other, is_registered ORDER BY b.id;

INSERT INTO invoice_items (invoice_id, line, kind, description, sac_hsn, quantity, unit_price, gst_rate, gross, discount, cgst, sgst,
                           igst, treatment, tax_rule, tax_text, discount_reason)
    SELECT id, line, kind, description, sac_hsn, quantity, price, rate, gross, discount, half, half, igst, treatment, rule,
           text || ': ' || CASE
               WHEN treatment = 'EXEMPT' THEN 'no tax'
               WHEN leaves_state THEN format('IGST %s %%, for goods delivered in another state (IGST Act, section 10(1)(a))', rate / 100)
               ELSE format('CGST %1$s %% + SGST %1$s %%', trim_scale(rate / 200.0)) END,
           CASE WHEN is_discounted THEN 'Staff of the hospital' END
    FROM priced ORDER BY id, line;

UPDATE invoices i
    SET status = CASE WHEN b.fate <> 'UNPAID' THEN b.fate WHEN i.due_date IS NULL THEN 'ISSUED' ELSE 'OVERDUE' END,
        amount_paid = CASE b.fate WHEN 'PAID' THEN i.total WHEN 'PARTIALLY_PAID' THEN i.total / 200 * 100 ELSE 0 END,
        invoice_number = :'series' || '/' || :'years' || '/' || lpad(b.serial::text, greatest(6, length(b.serial::text)), '0'),
        supplier_gstin = :'gstin', series = :'series', financial_year = :year, serial = b.serial, version = 2,
        particulars = jsonb_build_object(
            'supplier', :'supplier'::jsonb,
            'recipient', jsonb_build_object('name', b.name, 'patient_id', b.patient_number, 'address', b.address,
                'state_code', (SELECT code FROM states WHERE states.name = b.state))),
        issued_at = b.at, issued_by = :cashier
    FROM bills b WHERE i.id = b.id;

INSERT INTO payments (invoice_id, amount, method, reference, received_by, received_at)
    SELECT i.id, i.amount_paid,
           CASE WHEN method < 45 THEN 'CASH' WHEN method < 96 THEN 'UPI' WHEN method < 116 THEN 'CARD' WHEN method < 120 THEN 'NET_BANKING'
                WHEN method < 121 THEN 'CHEQUE' ELSE 'INSURANCE' END,
           CASE WHEN method >= 45 THEN 'SEED' || b.serial END, :cashier, b.at
    FROM bills b JOIN invoices i ON i.id = b.id WHERE i.amount_paid > 0 ORDER BY i.id;

INSERT INTO credit_notes (invoice_id, patient_id, credit_note_number, supplier_gstin, series, financial_year, serial, dated, reason,
                          subtotal, discount, cgst, sgst, igst, round_off, total, issued_by, issued_at)
    SELECT i.id, i.patient_id, :'credits' || '/' || :'years' || '/' || lpad((b.serial / 100)::text, 6, '0'), :'gstin', :'credits', :year,
           b.serial / 100, i.dated, 'Charged by mistake', i.subtotal, i.discount, i.cgst, i.sgst, i.igst, i.round_off, i.total,
           :cashier, b.at
    FROM bills b JOIN invoices i ON i.id = b.id WHERE b.fate = 'CANCELLED' ORDER BY i.id;

SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off;
COMMIT;
