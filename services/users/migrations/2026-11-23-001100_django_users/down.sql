DROP TABLE django_users;
-- nobody's password
UPDATE users
    SET password_hash = 'pbkdf2_sha256$1000$nobody$' || encode(sha256(gen_random_uuid()::text::bytea), 'base64')
    WHERE password_hash = '!';
ALTER TABLE users
    DROP CONSTRAINT users_password_hash_check,
    ADD CONSTRAINT users_password_hash_check CHECK (
        (password_hash LIKE '$argon2id$%' OR password_hash LIKE 'pbkdf2\_sha256$%') AND length(password_hash) <= 256);
