-- Whom an invoice is made out to beside the patient, where that is somebody registered for GST (an employer, an insurer): CGST
-- Rules, rule 46(d). {"gstin", "legal_name", "address"}; the state is that of the GSTIN. As all of an invoice it is final at issue:
-- the trigger that keeps issued invoices compares every column.
ALTER TABLE invoices
    ADD COLUMN registered_recipient jsonb,
    ADD CONSTRAINT invoices_registered_recipient CHECK (
        registered_recipient IS NULL
        OR coalesce(registered_recipient ->> 'gstin' ~ '^[0-9]{2}[A-Z]{5}[0-9]{4}[A-Z][0-9A-Z]Z[0-9A-Z]$'
                    AND registered_recipient ->> 'legal_name' <> '' AND registered_recipient ->> 'address' <> '', false)
    );
