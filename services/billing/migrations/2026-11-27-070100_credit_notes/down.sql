DROP INDEX invoices_due;
ALTER TABLE invoices DROP CONSTRAINT invoices_cancelled_unpaid;
DROP TRIGGER invoices_cancelled_by_credit_note ON invoices;
DROP TABLE credit_notes;
DROP FUNCTION cancelled_by_credit_note, refuse_change_of_credit_note;
