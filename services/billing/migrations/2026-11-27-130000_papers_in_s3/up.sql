-- Papers lie in S3. The bytes are made and kept here first, so that what is issued needs no store; the worker takes them
-- there and empties `content`. What they are never changes: the database itself reckons size and SHA-256 of what it is given,
-- and lets nobody say otherwise.
ALTER TABLE papers
    ADD COLUMN object uuid,                                        -- named before its first byte is stored
    ADD COLUMN size   bigint CHECK (size > 0),
    ADD COLUMN sha256 bytea CHECK (length(sha256) = 32),
    ADD COLUMN due_at timestamptz NOT NULL DEFAULT now(),          -- when the worker takes it to the store, or tries again
    DROP CONSTRAINT papers_made,
    ADD CONSTRAINT papers_are_somewhere CHECK ((content IS NOT NULL OR object IS NOT NULL) = (made_at IS NOT NULL)),
    ADD CONSTRAINT papers_in_the_store_are_known CHECK (object IS NULL OR (size IS NOT NULL AND sha256 IS NOT NULL));

CREATE FUNCTION measure_paper() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.object IS NOT NULL OR NEW.size IS NOT NULL OR NEW.sha256 IS NOT NULL THEN
        RAISE EXCEPTION 'a paper is measured here' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'papers_never_change';
    END IF;
    NEW.size := length(NEW.content);
    NEW.sha256 := sha256(NEW.content);
    RETURN NEW;
END $$;
CREATE TRIGGER papers_are_measured BEFORE INSERT ON papers FOR EACH ROW EXECUTE FUNCTION measure_paper();
CREATE TRIGGER papers_are_measured_when_made BEFORE UPDATE ON papers
    FOR EACH ROW WHEN (OLD.made_at IS NULL) EXECUTE FUNCTION measure_paper();

-- Once made, a paper may be given a place in the store, once, and be emptied when it is there.
CREATE OR REPLACE FUNCTION refuse_change_of_paper() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.made_at IS NULL THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE'
        AND (NEW.kind, NEW.source_id, NEW.asked_at, NEW.made_at, NEW.attempts)
            IS NOT DISTINCT FROM (OLD.kind, OLD.source_id, OLD.asked_at, OLD.made_at, OLD.attempts)
        AND (NEW.size, NEW.sha256) IS NOT DISTINCT FROM (OLD.size, OLD.sha256)
        AND (OLD.object IS NULL OR NEW.object = OLD.object)
        AND (NEW.content = OLD.content OR (NEW.content IS NULL AND OLD.object IS NOT NULL))
    THEN
        IF NEW.sha256 IS NULL THEN  -- made before papers were measured
            NEW.size := length(OLD.content);
            NEW.sha256 := sha256(OLD.content);
        END IF;
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a paper never changes' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'papers_never_change';
END $$;
