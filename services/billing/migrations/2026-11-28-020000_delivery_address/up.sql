-- Where goods are delivered, where that is not where the patient lives: CGST Rules, rule 46(e). Final at issue, as all of an invoice:
-- the trigger that keeps issued invoices compares every column.
ALTER TABLE invoices ADD COLUMN delivery_address text CHECK (delivery_address <> '');
