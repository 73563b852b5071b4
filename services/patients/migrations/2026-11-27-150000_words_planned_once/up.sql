-- PostgreSQL plans the body of a function in SQL anew in every statement that calls it; that of one in PL/pgSQL once a
-- session. These run whenever a patient is written, and planning them cost more than the rest of the write. They say what
-- they said before.
CREATE OR REPLACE FUNCTION name_words(first_name text, last_name text) RETURNS text[]
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$ BEGIN
    RETURN ARRAY(SELECT DISTINCT word FROM unnest(string_to_array(fold_name(first_name || ' ' || last_name), ' ')) AS word
        WHERE word <> '');
END $$;

CREATE OR REPLACE FUNCTION phone_parts(phone text) RETURNS integer[]
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$ BEGIN
    RETURN ARRAY(SELECT DISTINCT ('1' || substr(phone, at, digits))::integer
        FROM generate_series(4, 5) AS digits, generate_series(2, length(phone) - digits + 1) AS at);
END $$;

-- One expression, which is put in the place of its call.
CREATE OR REPLACE FUNCTION next_patient_number() RETURNS text
    LANGUAGE sql VOLATILE
    RETURN 'P' || to_char(nextval('patient_numbers'), 'FM99999999999999900000');
