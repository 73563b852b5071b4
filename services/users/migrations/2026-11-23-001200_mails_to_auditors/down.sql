DELETE FROM mails WHERE kind = 'BREAK_GLASS_USED';
ALTER TABLE mails
    DROP COLUMN about,
    DROP CONSTRAINT mails_kind_check,
    ADD CONSTRAINT mails_kind_check CHECK (kind IN ('PASSWORD_RESET'));
