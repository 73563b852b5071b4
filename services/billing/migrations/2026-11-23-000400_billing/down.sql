DROP TABLE payments, invoice_items, invoices, invoice_counters, appointments, doctors, patients;
DROP FUNCTION payments_add_up, refuse_change_of_payment, counters_count, items_add_up, refuse_change_of_issued_items,
    refuse_change_of_issued_invoice;
