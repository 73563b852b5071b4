-- Documents of patients: what is known of each. The bytes lie in the object store under `object`, a name of our own.
CREATE TABLE documents (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    patient bigint NOT NULL REFERENCES patients (id),
    title text NOT NULL CHECK (title <> ''),
    document_type text NOT NULL CHECK (document_type IN ('LAB_REPORT', 'PRESCRIPTION', 'DISCHARGE_SUMMARY', 'IMAGING',
        'CONSENT', 'OTHER')),
    description text NOT NULL DEFAULT '',
    -- Title and description as a search compares them.
    words text NOT NULL,
    object uuid NOT NULL UNIQUE,
    -- Said by whoever uploads, until an inspection has found it in the content.
    content_type text NOT NULL,
    size bigint NOT NULL CHECK (size > 0),
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    status text NOT NULL DEFAULT 'PROCESSING' CHECK (status IN ('PROCESSING', 'READY', 'QUARANTINED', 'FAILED')),
    reason text CHECK (reason ~ '^[A-Z_]+$'),
    has_thumbnail boolean NOT NULL DEFAULT false,
    uploaded_by bigint NOT NULL CHECK (uploaded_by > 0),
    version bigint NOT NULL DEFAULT 1 CHECK (version > 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((status IN ('QUARANTINED', 'FAILED')) = (reason IS NOT NULL))
);
CREATE INDEX documents_by_patient ON documents (patient, id DESC);

-- The text of a document, as a search compares it.
CREATE TABLE document_texts (
    document bigint PRIMARY KEY REFERENCES documents (id),
    words text NOT NULL
);

-- Documents that wait for their inspection. Whoever takes one counts its attempt and puts it off, so that another one takes
-- it should the first never come back.
CREATE TABLE document_work (
    document bigint PRIMARY KEY REFERENCES documents (id),
    -- Tries that ended without a finding, or never ended.
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    -- How often it had to wait because the object store or the scanner was away.
    deferrals integer NOT NULL DEFAULT 0 CHECK (deferrals >= 0),
    due_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX document_work_due ON document_work (due_at);

-- Uploads under way: written before the first byte is stored, gone with the transaction that makes the document. What is
-- left here never became one, and its object is rubbish.
CREATE TABLE document_uploads (
    object uuid PRIMARY KEY,
    begun_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX document_uploads_begun ON document_uploads (begun_at);

-- What was uploaded stays as it came; only its inspection says something new of it, once. A merge of patients moves it as
-- it is.
CREATE FUNCTION documents_stay_as_they_came() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.patient <> OLD.patient THEN
        IF to_jsonb(NEW) - 'patient' <> to_jsonb(OLD) - 'patient' THEN
            RAISE EXCEPTION 'a document moves as it is' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.status <> 'PROCESSING' OR NEW.version <> OLD.version + 1 OR (NEW.id, NEW.title, NEW.document_type, NEW.description,
        NEW.words, NEW.object, NEW.size, NEW.sha256, NEW.uploaded_by, NEW.created_at) IS DISTINCT FROM (OLD.id, OLD.title,
        OLD.document_type, OLD.description, OLD.words, OLD.object, OLD.size, OLD.sha256, OLD.uploaded_by, OLD.created_at) THEN
        RAISE EXCEPTION 'an inspection finds once what a document is, counts the version, and leaves the rest'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    NEW.updated_at := now();
    RETURN NEW;
END $$;
CREATE TRIGGER documents_stay_as_they_came BEFORE UPDATE ON documents
    FOR EACH ROW EXECUTE FUNCTION documents_stay_as_they_came();
CREATE TRIGGER documents_stay BEFORE DELETE ON documents FOR EACH ROW EXECUTE FUNCTION history_stays();
CREATE TRIGGER documents_never_emptied BEFORE TRUNCATE ON documents FOR EACH STATEMENT EXECUTE FUNCTION history_stays();

-- Documents are part of the history.
CREATE FUNCTION history_hears_of_documents() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.patient <> OLD.patient THEN
        PERFORM history_goes_on(OLD.patient);
    END IF;
    PERFORM history_goes_on(NEW.patient);
    RETURN NULL;
END $$;
CREATE TRIGGER history_hears_of_documents AFTER INSERT OR UPDATE ON documents
    FOR EACH ROW EXECUTE FUNCTION history_hears_of_documents();

DO $$
DECLARE
    app text := regexp_replace(current_user, '_owner$', '_app');
BEGIN
    EXECUTE format('ALTER FUNCTION history_hears_of_documents() SET search_path = %I, pg_temp', current_schema());
    EXECUTE format('REVOKE DELETE ON documents FROM %I', app);
END $$;
