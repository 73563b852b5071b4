-- What is known of a patient's health, each entry as it is now. Dates are as exact as they are known (`2019`, `2019-05`),
-- which as text sort as they should.
CREATE TABLE history_entries (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    patient bigint NOT NULL REFERENCES patients (id),
    kind text NOT NULL CHECK (kind IN ('CONDITION', 'ALLERGY', 'MEDICATION', 'OBSERVATION', 'PROCEDURE', 'IMMUNIZATION',
        'FAMILY_HISTORY', 'NOTE')),
    code_system text,
    code text,
    display text,
    status text NOT NULL CHECK (status ~ '^[A-Z_]+$'),
    effective_date text COLLATE "C" CHECK (effective_date ~ '^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$'),
    -- The effective date, or the day on which the entry was made.
    sort_date text COLLATE "C" NOT NULL CHECK (sort_date ~ '^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$'),
    value text,
    unit text,
    severity text,
    interpretation text,
    reference_range text,
    note text,
    -- Who said so: a user, a message (and which of its fields filled which of ours), or the dump of an older system.
    source text NOT NULL CHECK (source IN ('API', 'HL7', 'IMPORT')),
    author bigint CHECK (author > 0),
    message bigint REFERENCES hl7_messages (id),
    places jsonb CHECK (jsonb_typeof(places) = 'object'),
    version bigint NOT NULL DEFAULT 1 CHECK (version > 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((code IS NULL) = (code_system IS NULL)),
    CHECK (kind = 'NOTE' OR code IS NOT NULL OR display IS NOT NULL),
    CHECK (kind <> 'NOTE' OR note IS NOT NULL),
    CHECK (unit IS NULL OR value IS NOT NULL),
    CHECK ((source = 'HL7') = (message IS NOT NULL)),
    CHECK (source <> 'API' OR author IS NOT NULL)
);
CREATE INDEX history_entries_by_patient ON history_entries (patient, kind, sort_date DESC, id DESC);
CREATE INDEX history_entries_by_message ON history_entries (message) WHERE message IS NOT NULL;

-- Every version of every entry, the present one too, as the row was.
CREATE TABLE history_versions (
    entry bigint NOT NULL REFERENCES history_entries (id),
    version bigint NOT NULL,
    content jsonb NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (entry, version)
);

-- How often a patient's history has changed. Whoever reads it knows whether a copy of the history is the present one.
CREATE TABLE history_heads (
    patient bigint PRIMARY KEY,
    version bigint NOT NULL CHECK (version > 0)
);

CREATE FUNCTION history_goes_on(whose bigint) RETURNS void LANGUAGE sql AS $$
    INSERT INTO history_heads (patient, version) VALUES (whose, 1)
    ON CONFLICT (patient) DO UPDATE SET version = history_heads.version + 1
$$;

-- An entry is amended and never overwritten: each amendment counts, and one that was entered in error stays so. A merge
-- of patients moves it as it is.
CREATE FUNCTION history_entries_are_amended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.patient <> OLD.patient THEN
        IF to_jsonb(NEW) - 'patient' <> to_jsonb(OLD) - 'patient' THEN
            RAISE EXCEPTION 'an entry moves as it is' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.version <> OLD.version + 1 OR NEW.id <> OLD.id OR NEW.kind <> OLD.kind OR NEW.created_at <> OLD.created_at THEN
        RAISE EXCEPTION 'an amendment counts the version, and leaves kind and beginning'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.status = 'ENTERED_IN_ERROR' THEN
        RAISE EXCEPTION 'the entry was entered in error' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    NEW.updated_at := now();
    RETURN NEW;
END $$;
CREATE TRIGGER history_entries_are_amended BEFORE UPDATE ON history_entries
    FOR EACH ROW EXECUTE FUNCTION history_entries_are_amended();

-- As the owner: nobody else writes versions or heads, and whoever writes an entry cannot forget them.
CREATE FUNCTION history_entries_are_kept() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF TG_OP = 'INSERT' OR NEW.version <> OLD.version THEN
        INSERT INTO history_versions (entry, version, content) VALUES (NEW.id, NEW.version, to_jsonb(NEW));
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.patient <> OLD.patient THEN
        PERFORM history_goes_on(OLD.patient);
    END IF;
    PERFORM history_goes_on(NEW.patient);
    RETURN NULL;
END $$;
CREATE TRIGGER history_entries_are_kept AFTER INSERT OR UPDATE ON history_entries
    FOR EACH ROW EXECUTE FUNCTION history_entries_are_kept();

CREATE FUNCTION history_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a medical history is amended, never removed' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER history_stays BEFORE DELETE ON history_entries FOR EACH ROW EXECUTE FUNCTION history_stays();
CREATE TRIGGER history_stays BEFORE UPDATE OR DELETE ON history_versions FOR EACH ROW EXECUTE FUNCTION history_stays();
CREATE TRIGGER history_never_emptied BEFORE TRUNCATE ON history_entries FOR EACH STATEMENT EXECUTE FUNCTION history_stays();
CREATE TRIGGER history_never_emptied BEFORE TRUNCATE ON history_versions FOR EACH STATEMENT EXECUTE FUNCTION history_stays();

-- Appointments are part of the history: what is shown of one, and that it changed.
ALTER TABLE care_appointments
    ADD COLUMN ends_at timestamptz,
    ADD COLUMN appointment_type text NOT NULL DEFAULT '',
    ADD COLUMN doctor_name text NOT NULL DEFAULT '';
CREATE INDEX care_appointments_newest ON care_appointments (patient, starts_at DESC, id DESC);

CREATE FUNCTION history_hears_of_appointments() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF TG_OP <> 'INSERT' AND (TG_OP = 'DELETE' OR NEW.patient <> OLD.patient) THEN
        PERFORM history_goes_on(OLD.patient);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM history_goes_on(NEW.patient);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER history_hears_of_appointments AFTER INSERT OR UPDATE OR DELETE ON care_appointments
    FOR EACH ROW EXECUTE FUNCTION history_hears_of_appointments();

DO $$
DECLARE
    app text := regexp_replace(current_user, '_owner$', '_app');
BEGIN
    EXECUTE format('ALTER FUNCTION history_entries_are_kept() SET search_path = %I, pg_temp', current_schema());
    EXECUTE format('ALTER FUNCTION history_hears_of_appointments() SET search_path = %I, pg_temp', current_schema());
    EXECUTE format('REVOKE ALL ON history_versions, history_heads FROM %I', app);
    EXECUTE format('GRANT SELECT ON history_versions, history_heads TO %I', app);
    EXECUTE format('REVOKE DELETE ON history_entries FROM %I', app);
END $$;
