-- Invoices and credit notes as files. A row is written when the document is issued, filled in when its file is made, and never
-- changes after that: whoever asks gets the same bytes.
CREATE TABLE papers (
    kind      text NOT NULL CHECK (kind IN ('INVOICE', 'CREDIT_NOTE')),
    source_id bigint NOT NULL CHECK (source_id > 0),
    content   bytea CHECK (length(content) > 0),  -- null until it is made
    attempts  smallint NOT NULL DEFAULT 0,        -- that failed
    asked_at  timestamptz NOT NULL DEFAULT now(),
    made_at   timestamptz,
    PRIMARY KEY (kind, source_id),
    CONSTRAINT papers_made CHECK ((content IS NULL) = (made_at IS NULL))
);
-- a PDF is compressed already
ALTER TABLE papers ALTER COLUMN content SET STORAGE EXTERNAL;
CREATE INDEX papers_to_be_made ON papers (attempts, asked_at) WHERE made_at IS NULL;

CREATE FUNCTION refuse_change_of_paper() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.made_at IS NULL THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a paper never changes' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'papers_never_change';
END $$;
CREATE TRIGGER papers_never_change BEFORE UPDATE OR DELETE ON papers
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_paper();

-- The state that a patient lives in, as the patient's address names it: above ₹50,000 a bill says its code.
ALTER TABLE patients ADD COLUMN state text;
