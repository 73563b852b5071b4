-- What a word looks for that begins a name, as FHIR's string parameters compare: the trigrams of `search_text` find it, and
-- the name itself decides. Folded as names are, so that both sides are alike; a word of which nothing is left finds nobody.
CREATE FUNCTION name_part(word text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
    RETURN replace(replace(replace(nullif(btrim(fold_name(word)), ''), '\', '\\'), '%', '\%'), '_', '\_') || '%';

CREATE FUNCTION name_start(word text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
    RETURN '% ' || name_part(word);
