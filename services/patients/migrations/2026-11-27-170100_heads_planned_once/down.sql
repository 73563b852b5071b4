CREATE OR REPLACE FUNCTION history_goes_on(whose bigint) RETURNS void LANGUAGE sql AS $$
    INSERT INTO history_heads (patient, version) VALUES (whose, 1)
    ON CONFLICT (patient) DO UPDATE SET version = history_heads.version + 1
$$;
