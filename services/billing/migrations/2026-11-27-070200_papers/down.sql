ALTER TABLE patients DROP COLUMN state;
DROP TABLE papers;
DROP FUNCTION refuse_change_of_paper;
