-- Of whom the audit log says, patient by patient, that they had the report's link: it need not be said again at every look.
ALTER TABLE reports ADD COLUMN shown_to bigint[] NOT NULL DEFAULT '{}';
