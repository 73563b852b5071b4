//! The tables, as `diesel print-schema` would write them; the generated columns are read, never written.

diesel::table! {
    patients (id) {
        id -> Int8,
        patient_id -> Text,
        first_name -> Text,
        last_name -> Text,
        date_of_birth -> Nullable<Date>,
        date_of_birth_estimated -> Bool,
        gender -> Text,
        email -> Nullable<Text>,
        phone -> Nullable<Text>,
        blood_group -> Nullable<Text>,
        address -> Jsonb,
        abha_number -> Nullable<Text>,
        abha_address -> Nullable<Text>,
        emergency_contact -> Nullable<Jsonb>,
        preferred_language -> Nullable<Text>,
        primary_doctor -> Nullable<Int8>,
        user_id -> Nullable<Int8>,
        is_active -> Bool,
        version -> Int8,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        search_text -> Text,
        sort_name -> Text,
        merged_into -> Nullable<Int8>,
    }
}

diesel::table! {
    patient_merges (id) {
        id -> Int8,
        target -> Int8,
        source -> Int8,
        merged_at -> Timestamptz,
        merged_by -> Nullable<Int8>,
        message -> Nullable<Int8>,
        source_before -> Jsonb,
        target_before -> Jsonb,
        target_after -> Jsonb,
        undone_at -> Nullable<Timestamptz>,
        undone_by -> Nullable<Int8>,
    }
}

diesel::table! {
    patient_merge_moves (merge, kind, moved) {
        merge -> Int8,
        kind -> Text,
        moved -> Jsonb,
    }
}

diesel::table! {
    patient_identifiers (authority, value) {
        authority -> Text,
        value -> Text,
        type_code -> Text,
        patient -> Int8,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    staff (id) {
        id -> Int8,
        role -> Text,
        department -> Text,
        is_active -> Bool,
        version -> Int8,
        name -> Text,
    }
}

diesel::table! {
    care_appointments (id) {
        id -> Int8,
        patient -> Int8,
        doctor -> Int8,
        starts_at -> Timestamptz,
        status -> Text,
        version -> Int8,
        ends_at -> Nullable<Timestamptz>,
        appointment_type -> Text,
        doctor_name -> Text,
    }
}

diesel::table! {
    hl7_messages (id) {
        id -> Int8,
        sending_application -> Text,
        sending_facility -> Text,
        control_id -> Text,
        event -> Text,
        digest -> Bytea,
        raw -> Bytea,
        received_at -> Timestamptz,
        received_by -> Int8,
        status -> Text,
        reason -> Nullable<Text>,
        acknowledgment -> Nullable<Text>,
        ack -> Nullable<Text>,
        answer -> Nullable<Jsonb>,
        patient -> Nullable<Int8>,
    }
}

diesel::table! {
    break_glass_grants (id) {
        id -> Int8,
        actor -> Int8,
        role -> Text,
        session -> Uuid,
        reason -> Text,
        patient -> Nullable<Int8>,
        shown -> Array<Int8>,
        granted_at -> Timestamptz,
        expires_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    history_entries (id) {
        id -> Int8,
        patient -> Int8,
        kind -> Text,
        code_system -> Nullable<Text>,
        code -> Nullable<Text>,
        display -> Nullable<Text>,
        status -> Text,
        effective_date -> Nullable<Text>,
        sort_date -> Text,
        value -> Nullable<Text>,
        unit -> Nullable<Text>,
        severity -> Nullable<Text>,
        interpretation -> Nullable<Text>,
        reference_range -> Nullable<Text>,
        note -> Nullable<Text>,
        source -> Text,
        author -> Nullable<Int8>,
        message -> Nullable<Int8>,
        places -> Nullable<Jsonb>,
        version -> Int8,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    history_versions (entry, version) {
        entry -> Int8,
        version -> Int8,
        content -> Jsonb,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    history_heads (patient) {
        patient -> Int8,
        version -> Int8,
    }
}

diesel::joinable!(patient_identifiers -> patients (patient));
diesel::joinable!(patient_merges -> patients (source));
diesel::allow_tables_to_appear_in_same_query!(patients, patient_identifiers, patient_merges);
