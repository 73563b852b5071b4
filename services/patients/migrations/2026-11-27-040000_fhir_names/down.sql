DROP FUNCTION name_start(text);
DROP FUNCTION name_part(text);
