-- A record that was merged into another answers as the other from then on. Its own row stays as it was, so that the merge
-- can be undone.
ALTER TABLE patients ADD COLUMN merged_into bigint REFERENCES patients (id) CHECK (merged_into <> id);
CREATE INDEX patients_merged_into ON patients (merged_into) WHERE merged_into IS NOT NULL;

-- Nothing is merged into a record that is itself merged: an id is one step from the record that answers for it.
CREATE FUNCTION patients_merge_flatly() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM patients WHERE id = NEW.merged_into AND merged_into IS NOT NULL)
        OR EXISTS (SELECT FROM patients WHERE merged_into = NEW.id) THEN
        RAISE EXCEPTION 'a merge of merged records' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER patients_merge_flatly BEFORE INSERT OR UPDATE OF merged_into ON patients
    FOR EACH ROW WHEN (NEW.merged_into IS NOT NULL) EXECUTE FUNCTION patients_merge_flatly();

-- While it is merged a record counts its versions, and nothing else of it changes.
CREATE FUNCTION patients_rest_while_merged() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(NEW) - ARRAY['version', 'updated_at'] <> to_jsonb(OLD) - ARRAY['version', 'updated_at'] THEN
        RAISE EXCEPTION 'a merged record is not changed' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER patients_rest_while_merged AFTER UPDATE ON patients
    FOR EACH ROW WHEN (OLD.merged_into IS NOT NULL AND NEW.merged_into IS NOT NULL)
    EXECUTE FUNCTION patients_rest_while_merged();

-- Every merge, undone or not: who, when, by which message, and what the two records were before and the survivor after.
CREATE TABLE patient_merges (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    target bigint NOT NULL REFERENCES patients (id),
    source bigint NOT NULL REFERENCES patients (id) CHECK (source <> target),
    merged_at timestamptz NOT NULL DEFAULT now(),
    merged_by bigint CHECK (merged_by > 0),
    message bigint REFERENCES hl7_messages (id),
    source_before jsonb NOT NULL CHECK (jsonb_typeof(source_before) = 'object'),
    target_before jsonb NOT NULL CHECK (jsonb_typeof(target_before) = 'object'),
    target_after jsonb NOT NULL CHECK (jsonb_typeof(target_after) = 'object'),
    undone_at timestamptz,
    undone_by bigint CHECK (undone_by > 0),
    CHECK (undone_at IS NOT NULL OR undone_by IS NULL)
);
CREATE UNIQUE INDEX patient_merges_standing ON patient_merges (source) WHERE undone_at IS NULL;
CREATE INDEX patient_merges_by_source ON patient_merges (source);
CREATE INDEX patient_merges_by_target ON patient_merges (target, id);
CREATE INDEX patient_merges_by_message ON patient_merges (message);

-- What a merge moved, row by row: the table, and the row's key in it.
CREATE TABLE patient_merge_moves (
    merge bigint NOT NULL REFERENCES patient_merges (id),
    kind text NOT NULL,
    moved jsonb NOT NULL,
    PRIMARY KEY (merge, kind, moved)
);

CREATE FUNCTION patient_merges_are_undone_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.undone_at IS NOT NULL OR NEW.undone_at IS NULL
        OR to_jsonb(NEW) - ARRAY['undone_at', 'undone_by'] <> to_jsonb(OLD) - ARRAY['undone_at', 'undone_by'] THEN
        RAISE EXCEPTION 'a merge is undone once, and not changed' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER patient_merges_are_undone_once BEFORE UPDATE ON patient_merges
    FOR EACH ROW EXECUTE FUNCTION patient_merges_are_undone_once();

CREATE FUNCTION patient_merges_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what was merged is remembered' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER patient_merges_stay BEFORE DELETE ON patient_merges FOR EACH ROW EXECUTE FUNCTION patient_merges_stay();
CREATE TRIGGER patient_merges_stay BEFORE UPDATE OR DELETE ON patient_merge_moves
    FOR EACH ROW EXECUTE FUNCTION patient_merges_stay();
