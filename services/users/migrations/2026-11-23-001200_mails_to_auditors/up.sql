-- Auditors are told of each use of break-glass.
ALTER TABLE mails
    ADD COLUMN about bigint,                                                      -- the use
    DROP CONSTRAINT mails_kind_check,
    ADD CONSTRAINT mails_kind_check CHECK (kind IN ('PASSWORD_RESET', 'BREAK_GLASS_USED')),
    ADD CONSTRAINT mails_about_check CHECK ((about IS NOT NULL) = (kind = 'BREAK_GLASS_USED'));
