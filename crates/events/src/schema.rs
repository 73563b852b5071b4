//! The two tables of `migrations/`.

diesel::table! {
    outbox (id) {
        id -> Int8,
        event_id -> Uuid,
        event_type -> Text,
        subscriber -> Text,
        message_group -> Text,
        body -> Bytea,
        traceparent -> Nullable<Text>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    inbox (subscriber, event_id) {
        subscriber -> Text,
        event_id -> Uuid,
        applied_at -> Timestamptz,
    }
}
