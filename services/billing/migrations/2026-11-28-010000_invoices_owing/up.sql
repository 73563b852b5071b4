-- What the report of what is outstanding reads of an invoice: with all of it here, it reads neither what was paid long ago nor,
-- scattered over the table, what was not.
CREATE INDEX CONCURRENTLY invoices_owing ON invoices (patient_id, invoice_number) INCLUDE (id, dated, due_date, appointment_id)
    WHERE status IN ('ISSUED', 'PARTIALLY_PAID', 'OVERDUE', 'REFUNDED');
