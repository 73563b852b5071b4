-- What is in the store only would be lost to this version, which knows no store.
DO $$ BEGIN
    IF EXISTS (SELECT FROM papers WHERE made_at IS NOT NULL AND content IS NULL) THEN
        RAISE EXCEPTION 'papers lie in the store: this version could not show them';
    END IF;
END $$;
DROP TRIGGER papers_are_measured ON papers;
DROP TRIGGER papers_are_measured_when_made ON papers;
DROP FUNCTION measure_paper;
CREATE OR REPLACE FUNCTION refuse_change_of_paper() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.made_at IS NULL THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a paper never changes' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'papers_never_change';
END $$;
ALTER TABLE papers
    DROP CONSTRAINT papers_in_the_store_are_known,
    DROP CONSTRAINT papers_are_somewhere,
    DROP COLUMN object,
    DROP COLUMN size,
    DROP COLUMN sha256,
    DROP COLUMN due_at,
    ADD CONSTRAINT papers_made CHECK ((content IS NULL) = (made_at IS NULL));
