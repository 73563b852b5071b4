//! The tables of `migrations/`.

diesel::table! {
    audit_log (at, id) {
        id -> Int8,
        tx -> Int8,
        at -> Timestamptz,
        actor -> Nullable<Int8>,
        role -> Nullable<Text>,
        session -> Nullable<Uuid>,
        action -> Text,
        object -> Text,
        patients -> Array<Int8>,
        outcome -> Text,
        address -> Nullable<Text>,
        user_agent -> Nullable<Text>,
        trace_id -> Nullable<Text>,
        reason -> Nullable<Text>,
    }
}

diesel::table! {
    audit_link (seq) {
        seq -> Int8,
        first_tx -> Int8,
        end_tx -> Int8,
        rows -> Int8,
        hash -> Bytea,
        linked_at -> Timestamptz,
    }
}

diesel::table! {
    audit_anchor (seq) {
        seq -> Int8,
        end_tx -> Int8,
        hash -> Bytea,
        anchored_at -> Timestamptz,
    }
}
