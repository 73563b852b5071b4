//! The tables, as `diesel print-schema` would write them.

diesel::table! {
    staff (id) {
        id -> BigInt,
        role -> Text,
        name -> Text,
        specialization -> Text,
        department -> Text,
        is_active -> Bool,
        version -> BigInt,
        registration_number -> Text,
    }
}

diesel::table! {
    patients (id) {
        id -> BigInt,
        patient_id -> Text,
        name -> Text,
        user_id -> Nullable<BigInt>,
        primary_doctor_id -> Nullable<BigInt>,
        is_active -> Bool,
        version -> BigInt,
    }
}

diesel::table! {
    availability (doctor_id) {
        doctor_id -> BigInt,
        slot_minutes -> Integer,
        version -> BigInt,
        updated_by -> BigInt,
        updated_at -> Timestamptz,
        buffer_before -> Integer,
        buffer_after -> Integer,
        works_on_holidays -> Bool,
    }
}

diesel::table! {
    availability_hours (doctor_id, weekday, start_time) {
        doctor_id -> BigInt,
        weekday -> SmallInt,
        start_time -> Time,
        end_time -> Time,
    }
}

diesel::table! {
    hours_periods (id) {
        id -> BigInt,
        doctor_id -> BigInt,
        effective_from -> Date,
        effective_until -> Nullable<Date>,
        slot_minutes -> Integer,
        buffer_before -> Integer,
        buffer_after -> Integer,
    }
}

diesel::table! {
    period_hours (period_id, weekday, start_time) {
        period_id -> BigInt,
        weekday -> SmallInt,
        start_time -> Time,
        end_time -> Time,
    }
}

diesel::table! {
    time_off (id) {
        id -> BigInt,
        doctor_id -> BigInt,
        kind -> Text,
        starts_at -> Timestamptz,
        ends_at -> Timestamptz,
        reason -> Text,
        created_by -> BigInt,
        created_at -> Timestamptz,
        source -> Nullable<Text>,
        source_uid -> Nullable<Bytea>,
        source_start -> Nullable<Timestamptz>,
        source_sequence -> Nullable<BigInt>,
        source_stamp -> Nullable<Timestamptz>,
        version -> BigInt,
    }
}

diesel::table! {
    calendar_feeds (id) {
        id -> BigInt,
        doctor_id -> BigInt,
        secret_hash -> Bytea,
        created_by -> BigInt,
        created_at -> Timestamptz,
        last_fetched_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    queues (doctor_id, date) {
        doctor_id -> BigInt,
        date -> Date,
        last -> Integer,
    }
}

diesel::table! {
    appointments (id) {
        id -> BigInt,
        patient_id -> BigInt,
        doctor_id -> BigInt,
        starts_at -> Timestamptz,
        ends_at -> Timestamptz,
        status -> Text,
        appointment_type -> Text,
        reason -> Text,
        notes -> Text,
        cancellation_reason -> Text,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        rescheduling_cause -> Nullable<Text>,
        room -> Nullable<Text>,
        buffer_before -> Integer,
        buffer_after -> Integer,
        held_from -> Timestamptz,
        held_until -> Timestamptz,
        overbooking_reason -> Nullable<Text>,
        queue_date -> Nullable<Date>,
        queue_number -> Nullable<Integer>,
        series_id -> Nullable<BigInt>,
    }
}

diesel::table! {
    series (id) {
        id -> BigInt,
        rrule -> Text,
        created_by -> BigInt,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    external_appointments (authority, number) {
        authority -> Text,
        number -> Text,
        appointment_id -> BigInt,
    }
}

diesel::table! {
    external_messages (id) {
        id -> BigInt,
        received_at -> Timestamptz,
        sender -> Text,
        change -> Text,
        patient_id -> BigInt,
        appointment_id -> Nullable<BigInt>,
        outcome -> Text,
        code -> Text,
        starts_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    break_glass_grants (id) {
        id -> BigInt,
        actor -> BigInt,
        patient -> BigInt,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    appointment_history (id) {
        id -> BigInt,
        appointment_id -> BigInt,
        version -> BigInt,
        changed_at -> Timestamptz,
        changed_by -> Nullable<BigInt>,
        changed_as -> Text,
        old_status -> Nullable<Text>,
        new_status -> Text,
        old_doctor_id -> Nullable<BigInt>,
        new_doctor_id -> BigInt,
        old_starts_at -> Nullable<Timestamptz>,
        new_starts_at -> Timestamptz,
        old_ends_at -> Nullable<Timestamptz>,
        new_ends_at -> Timestamptz,
        why -> Text,
        changed -> Array<Text>,
    }
}

diesel::table! {
    merged_patients (source) {
        source -> BigInt,
        target -> BigInt,
    }
}

diesel::table! {
    waitlist_entries (id) {
        id -> BigInt,
        patient_id -> BigInt,
        doctor_id -> Nullable<BigInt>,
        specialization -> Nullable<Text>,
        start_date -> Date,
        end_date -> Date,
        earliest_time -> Nullable<Time>,
        latest_time -> Nullable<Time>,
        weekdays -> Array<SmallInt>,
        duration_minutes -> Nullable<Integer>,
        appointment_type -> Text,
        urgency -> Text,
        reason -> Text,
        status -> Text,
        leaving_reason -> Text,
        appointment_id -> Nullable<BigInt>,
        version -> BigInt,
        created_by -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    waitlist_offers (id) {
        id -> BigInt,
        entry_id -> BigInt,
        doctor_id -> BigInt,
        starts_at -> Timestamptz,
        ends_at -> Timestamptz,
        held_from -> Timestamptz,
        held_until -> Timestamptz,
        status -> Text,
        offered_at -> Timestamptz,
        expires_at -> Timestamptz,
        closed_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    waitlist_openings (id) {
        id -> BigInt,
        doctor_id -> BigInt,
        starts_at -> Timestamptz,
        ends_at -> Timestamptz,
        created_at -> Timestamptz,
        due_at -> Timestamptz,
        past_urgency -> Nullable<Text>,
        past_entry -> Nullable<BigInt>,
    }
}

diesel::table! {
    waitlist_history (id) {
        id -> BigInt,
        entry_id -> BigInt,
        version -> BigInt,
        changed_at -> Timestamptz,
        changed_by -> Nullable<BigInt>,
        changed_as -> Text,
        status -> Text,
        offer_id -> Nullable<BigInt>,
        why -> Text,
    }
}

diesel::joinable!(waitlist_entries -> staff (doctor_id));
diesel::joinable!(waitlist_entries -> patients (patient_id));
diesel::joinable!(waitlist_offers -> staff (doctor_id));
diesel::joinable!(waitlist_offers -> waitlist_entries (entry_id));
diesel::joinable!(appointments -> staff (doctor_id));
diesel::joinable!(appointments -> patients (patient_id));
diesel::joinable!(availability -> staff (doctor_id));
diesel::joinable!(availability_hours -> availability (doctor_id));
diesel::joinable!(period_hours -> hours_periods (period_id));
diesel::joinable!(appointment_history -> appointments (appointment_id));
diesel::allow_tables_to_appear_in_same_query!(
    staff,
    patients,
    availability,
    availability_hours,
    hours_periods,
    period_hours,
    time_off,
    appointments,
    appointment_history,
    waitlist_entries,
    waitlist_offers,
    waitlist_history
);
