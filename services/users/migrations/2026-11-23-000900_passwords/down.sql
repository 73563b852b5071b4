DROP TABLE mails;
DROP TABLE password_resets;
-- an imported hash that was not renewed yet is no argon2id hash: NOT VALID lets those be
ALTER TABLE users
    DROP CONSTRAINT users_password_hash_check,
    ADD CONSTRAINT users_password_hash_check CHECK (
        password_hash LIKE '$argon2id$%' AND length(password_hash) <= 256) NOT VALID;
