//! The tables, as the migrations make them.

diesel::table! {
    patients (id) {
        id -> BigInt,
        patient_id -> Text,
        name -> Text,
        address -> Text,
        user_id -> Nullable<BigInt>,
        is_active -> Bool,
        version -> BigInt,
    }
}

diesel::table! {
    doctors (id) {
        id -> BigInt,
        name -> Text,
        is_active -> Bool,
        version -> BigInt,
    }
}

diesel::table! {
    appointments (id) {
        id -> BigInt,
        patient_id -> BigInt,
        doctor_id -> BigInt,
        version -> BigInt,
    }
}

diesel::table! {
    invoice_counters (gstin, series, financial_year) {
        gstin -> Text,
        series -> Text,
        financial_year -> SmallInt,
        last_serial -> BigInt,
    }
}

diesel::table! {
    invoices (id) {
        id -> BigInt,
        version -> BigInt,
        status -> Text,
        document_type -> Text,
        patient_id -> BigInt,
        appointment_id -> Nullable<BigInt>,
        drafted_by_event -> Bool,
        dated -> Date,
        due_date -> Nullable<Date>,
        delivery_state -> Nullable<Text>,
        invoice_number -> Nullable<Text>,
        supplier_gstin -> Nullable<Text>,
        series -> Nullable<Text>,
        financial_year -> Nullable<SmallInt>,
        serial -> Nullable<BigInt>,
        particulars -> Nullable<Jsonb>,
        issued_at -> Nullable<Timestamptz>,
        issued_by -> Nullable<BigInt>,
        subtotal -> BigInt,
        discount -> BigInt,
        cgst -> BigInt,
        sgst -> BigInt,
        igst -> BigInt,
        round_off -> BigInt,
        total -> BigInt,
        amount_paid -> BigInt,
        created_by -> Nullable<BigInt>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    invoice_items (invoice_id, line) {
        invoice_id -> BigInt,
        line -> SmallInt,
        kind -> Text,
        description -> Text,
        sac_hsn -> Text,
        quantity -> BigInt,
        unit_price -> BigInt,
        gst_rate -> BigInt,
        gst_rate_reason -> Nullable<Text>,
        gross -> BigInt,
        discount -> BigInt,
        cgst -> BigInt,
        sgst -> BigInt,
        igst -> BigInt,
    }
}

diesel::table! {
    payments (id) {
        id -> BigInt,
        invoice_id -> BigInt,
        amount -> BigInt,
        method -> Text,
        status -> Text,
        reference -> Nullable<Text>,
        received_by -> BigInt,
        received_at -> Timestamptz,
    }
}

diesel::table! {
    merged_patients (source) {
        source -> BigInt,
        target -> BigInt,
    }
}

diesel::joinable!(invoice_items -> invoices (invoice_id));
diesel::joinable!(payments -> invoices (invoice_id));
diesel::joinable!(invoices -> patients (patient_id));
diesel::allow_tables_to_appear_in_same_query!(invoices, invoice_items, payments, patients);
