-- For searches by some digits, which may be those of an e-mail address. Few addresses have so many. Built beside the work; kept
-- current without a pending list, which every such search would have to read.
CREATE INDEX CONCURRENTLY patients_by_mail_digits ON patients USING gin (email extensions.gin_trgm_ops) WITH (fastupdate = off) WHERE email ~ '[0-9]{4}'
