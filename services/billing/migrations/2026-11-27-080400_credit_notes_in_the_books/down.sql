DROP TRIGGER credit_notes_post_insert ON credit_notes;
DROP FUNCTION post_credit_note();
