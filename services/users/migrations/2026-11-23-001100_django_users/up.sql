-- Accounts of the old system: which is which, so that an import is done once, and passwords that nobody has.
ALTER TABLE users
    DROP CONSTRAINT users_password_hash_check,
    ADD CONSTRAINT users_password_hash_check CHECK (
        (password_hash LIKE '$argon2id$%' OR password_hash LIKE 'pbkdf2\_sha256$%' OR password_hash = '!')
        AND length(password_hash) <= 256);

CREATE TABLE django_users (
    pk      text   PRIMARY KEY CHECK (length(pk) BETWEEN 1 AND 64),               -- id in the old system
    user_id bigint NOT NULL UNIQUE REFERENCES users
);
