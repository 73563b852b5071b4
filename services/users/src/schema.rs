//! The tables, as `diesel print-schema` writes them.
#![expect(missing_docs, reason = "the migrations say what a column is")]

diesel::table! {
    users (id) {
        id -> Int8,
        username -> Text,
        email -> Text,
        password_hash -> Text,
        role -> Text,
        first_name -> Text,
        last_name -> Text,
        phone -> Nullable<Text>,
        department -> Nullable<Text>,
        specialization -> Nullable<Text>,
        registration_number -> Nullable<Text>,
        is_active -> Bool,
        version -> Int8,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    sessions (id) {
        id -> Uuid,
        user_id -> Int8,
        created_at -> Timestamptz,
        last_used_at -> Timestamptz,
        revoked_at -> Nullable<Timestamptz>,
        revoked_why -> Nullable<Text>,
        address -> Nullable<Text>,
        user_agent -> Nullable<Text>,
        second_factor -> Bool,
    }
}

diesel::table! {
    refresh_tokens (digest) {
        digest -> Bytea,
        session_id -> Uuid,
        issued_at -> Timestamptz,
        expires_at -> Timestamptz,
        spent_at -> Nullable<Timestamptz>,
        retry_digest -> Nullable<Bytea>,
        successor_salt -> Nullable<Bytea>,
        successor_jti -> Nullable<Uuid>,
    }
}

diesel::table! {
    password_resets (digest) {
        digest -> Bytea,
        user_id -> Int8,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    mails (id) {
        id -> Int8,
        kind -> Text,
        address -> Text,
        status -> Text,
        attempts -> Int4,
        made_at -> Timestamptz,
        next_attempt_at -> Timestamptz,
        about -> Nullable<Int8>,
    }
}

diesel::table! {
    mfa_enrolments (user_id) {
        user_id -> Int8,
        key_id -> Text,
        sealed -> Bytea,
        made_at -> Timestamptz,
        verified_at -> Nullable<Timestamptz>,
        last_step -> Nullable<Int8>,
        failures -> Int4,
        failed_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    mfa_recovery_codes (user_id, digest) {
        user_id -> Int8,
        digest -> Bytea,
        used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    mfa_challenges (digest) {
        digest -> Bytea,
        user_id -> Int8,
        purpose -> Text,
        expires_at -> Timestamptz,
        attempts -> Int4,
        spent_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    break_glass_reviews (id) {
        id -> Int8,
        user_id -> Int8,
        role -> Text,
        reason -> Text,
        patients -> Array<Int8>,
        granted_at -> Timestamptz,
        expires_at -> Nullable<Timestamptz>,
        status -> Text,
        note -> Text,
        reviewed_by -> Nullable<Int8>,
        reviewed_at -> Nullable<Timestamptz>,
        version -> Int8,
    }
}

diesel::table! {
    django_users (pk) {
        pk -> Text,
        user_id -> Int8,
    }
}

diesel::joinable!(sessions -> users (user_id));
diesel::joinable!(refresh_tokens -> sessions (session_id));
diesel::allow_tables_to_appear_in_same_query!(users, sessions, refresh_tokens);
