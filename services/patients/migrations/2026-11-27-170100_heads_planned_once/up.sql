-- In PL/pgSQL, whose plans are kept: one in SQL is planned anew in each transaction that calls it.
CREATE OR REPLACE FUNCTION history_goes_on(whose bigint) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO history_heads (patient, version) VALUES (whose, 1)
    ON CONFLICT (patient) DO UPDATE SET version = history_heads.version + 1;
END $$;
