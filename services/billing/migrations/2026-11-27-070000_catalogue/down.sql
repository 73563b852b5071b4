ALTER TABLE invoices DROP COLUMN discount_reason;
DROP INDEX invoice_items_service;
ALTER TABLE invoice_items
    DROP COLUMN service_id, DROP COLUMN circumstance, DROP COLUMN treatment, DROP COLUMN tax_rule, DROP COLUMN tax_text,
    DROP COLUMN discount_reason, DROP COLUMN bill_discount;
DROP TABLE services;
