-- For searches by some digits of a phone, its middle or its end. Built beside the work; kept current without a pending list,
-- which every search would have to read.
CREATE INDEX CONCURRENTLY patients_by_phone_parts ON patients USING gin (phone_parts(phone)) WITH (fastupdate = off)
