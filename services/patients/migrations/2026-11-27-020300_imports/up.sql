-- Patients who are imported keep the numbers that are on their cards; those of newcomers go on after the highest. As the owner,
-- since nobody else may set the sequence.
CREATE FUNCTION patient_numbers_reach(number bigint) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF number > (SELECT last_value FROM patient_numbers) THEN
        PERFORM setval('patient_numbers', number);
    END IF;
END $$;

DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION patient_numbers_reach(bigint) SET search_path = %I, pg_temp', current_schema());
END $$;
