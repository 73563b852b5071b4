-- Fails where an issued invoice names one: what it says is final.
DO $$ BEGIN
    IF EXISTS (SELECT FROM invoices WHERE registered_recipient IS NOT NULL AND status <> 'DRAFT') THEN
        RAISE EXCEPTION 'there are invoices to registered recipients';
    END IF;
END $$;
ALTER TABLE invoices DROP COLUMN registered_recipient;
