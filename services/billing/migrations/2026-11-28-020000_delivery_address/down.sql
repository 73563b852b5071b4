ALTER TABLE invoices DROP COLUMN delivery_address;
