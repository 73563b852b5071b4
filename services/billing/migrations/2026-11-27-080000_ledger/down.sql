DROP TRIGGER invoices_post_insert ON invoices;
DROP TRIGGER invoices_post_issue ON invoices;
DROP TRIGGER payments_post_insert ON payments;
DROP TABLE postings, journal_entries, ledger_accounts;
DROP FUNCTION post_issue(), post_payment(), account_of_method(text), entry_balances(), refuse_change_of_books(),
    refuse_late_posting(), day_in_india(timestamptz), post_entry(text, date, bigint, bigint, bigint, text[], bigint[]);

CREATE OR REPLACE FUNCTION payments_add_up() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    touched bigint := CASE WHEN TG_TABLE_NAME = 'invoices' THEN (to_jsonb(NEW) ->> 'id')::bigint
                           ELSE (to_jsonb(NEW) ->> 'invoice_id')::bigint END;
BEGIN
    IF (SELECT amount_paid FROM invoices WHERE id = touched)
        <> (SELECT coalesce(sum(amount), 0) FROM payments WHERE invoice_id = touched)
    THEN
        RAISE EXCEPTION 'the payments do not add up to what the invoice says was paid'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_add_up';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER payments_add_up AFTER INSERT ON payments
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION payments_add_up();
