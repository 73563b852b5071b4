//! The tables of this crate, and diesel's own list of migrations.

diesel::table! {
    __diesel_schema_migrations (version) {
        version -> Text,
        run_on -> Timestamp,
    }
}

diesel::table! {
    idempotency_keys (actor, key) {
        actor -> BigInt,
        key -> Text,
        operation -> Text,
        digest -> Binary,
        status -> Nullable<SmallInt>,
        location -> Nullable<Text>,
        version -> Nullable<BigInt>,
        body -> Nullable<Binary>,
        created_at -> Timestamptz,
    }
}
