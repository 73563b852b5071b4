-- Who went beyond their care, to whom, and why. A record that was opened closes after an hour; a search opens none, and
-- names whom it showed.
CREATE TABLE break_glass_grants (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    actor bigint NOT NULL CHECK (actor > 0),
    role text NOT NULL CHECK (role IN ('DOCTOR', 'NURSE')),
    session uuid NOT NULL,
    reason text NOT NULL CHECK (length(reason) BETWEEN 10 AND 500),
    patient bigint REFERENCES patients (id),
    shown bigint[] NOT NULL DEFAULT '{}',
    granted_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    CHECK ((patient IS NULL) = (expires_at IS NULL)),
    CHECK ((patient IS NULL) = (shown <> '{}')),
    CHECK (expires_at <= granted_at + interval '1 hour')
);
-- A patient is looked for at every request of a doctor or nurse.
CREATE INDEX break_glass_grants_by_actor ON break_glass_grants (actor, expires_at, patient) WHERE patient IS NOT NULL;
CREATE INDEX break_glass_grants_by_patient ON break_glass_grants (patient) WHERE patient IS NOT NULL;

-- What was done is not undone, nor made longer.
CREATE FUNCTION break_glass_grants_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a grant is never changed' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER break_glass_grants_stay BEFORE UPDATE OR DELETE ON break_glass_grants
    FOR EACH ROW EXECUTE FUNCTION break_glass_grants_stay();
