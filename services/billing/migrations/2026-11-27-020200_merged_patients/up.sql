-- Which patient's record was merged into which, told by events of patients. What stands under a source's id stays there and
-- is the target's: `one_patient` gives all ids that mean the same patient as one of them.
CREATE TABLE merged_patients (
    source bigint PRIMARY KEY,
    target bigint NOT NULL CHECK (target <> source)
);
CREATE INDEX merged_patients_by_target ON merged_patients (target);

CREATE FUNCTION one_patient(asked bigint) RETURNS bigint[]
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (
        WITH survivor (id) AS (
            SELECT coalesce((SELECT target FROM merged_patients WHERE source = asked), asked)
        )
        SELECT array_agg(same.id) FROM (
            SELECT id FROM survivor
            UNION SELECT merged.source FROM merged_patients AS merged JOIN survivor ON merged.target = survivor.id
        ) AS same
    );
