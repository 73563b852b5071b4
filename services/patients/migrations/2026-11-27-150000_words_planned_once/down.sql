CREATE OR REPLACE FUNCTION name_words(first_name text, last_name text) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
    RETURN ARRAY(SELECT DISTINCT word FROM string_to_array(fold_name(first_name || ' ' || last_name), ' ') AS words,
        unnest(words) AS word WHERE word <> '');

CREATE OR REPLACE FUNCTION phone_parts(phone text) RETURNS integer[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
    RETURN ARRAY(SELECT DISTINCT ('1' || substr(phone, at, digits))::integer
        FROM generate_series(4, 5) AS digits, generate_series(2, length(phone) - digits + 1) AS at);

CREATE OR REPLACE FUNCTION next_patient_number() RETURNS text
    LANGUAGE sql VOLATILE
    RETURN (SELECT 'P' || lpad(n::text, greatest(5, length(n::text)), '0') FROM nextval('patient_numbers') AS n);
