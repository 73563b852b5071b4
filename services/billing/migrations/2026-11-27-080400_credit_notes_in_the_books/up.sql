-- A credit note is in the books because it is in its table: it takes back, account by account, what the issue of its invoice
-- posted.
LOCK TABLE credit_notes IN SHARE ROW EXCLUSIVE MODE;

CREATE FUNCTION post_credit_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM post_entry('CREDIT_NOTE', NEW.dated, NEW.invoice_id, NEW.id, NEW.issued_by,
        ARRAY['RECEIVABLE', 'REVENUE', 'OUTPUT_CGST', 'OUTPUT_SGST', 'OUTPUT_IGST', 'ROUND_OFF'],
        ARRAY[-NEW.total, NEW.subtotal - NEW.discount, NEW.cgst, NEW.sgst, NEW.igst, NEW.round_off]);
    RETURN NULL;
END $$;
CREATE TRIGGER credit_notes_post_insert AFTER INSERT ON credit_notes FOR EACH ROW EXECUTE FUNCTION post_credit_note();

SELECT post_entry('CREDIT_NOTE', dated, invoice_id, id, issued_by,
    ARRAY['RECEIVABLE', 'REVENUE', 'OUTPUT_CGST', 'OUTPUT_SGST', 'OUTPUT_IGST', 'ROUND_OFF'],
    ARRAY[-total, subtotal - discount, cgst, sgst, igst, round_off])
FROM credit_notes ORDER BY id;
