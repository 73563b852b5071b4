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
        state -> Nullable<Text>,
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
        delivery_address -> Nullable<Text>,
        invoice_number -> Nullable<Text>,
        supplier_gstin -> Nullable<Text>,
        series -> Nullable<Text>,
        financial_year -> Nullable<SmallInt>,
        serial -> Nullable<BigInt>,
        particulars -> Nullable<Jsonb>,
        issued_at -> Nullable<Timestamptz>,
        issued_by -> Nullable<BigInt>,
        discount_reason -> Nullable<Text>,
        registered_recipient -> Nullable<Jsonb>,
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
        service_id -> Nullable<BigInt>,
        circumstance -> Nullable<Text>,
        treatment -> Nullable<Text>,
        tax_rule -> Nullable<Text>,
        tax_text -> Nullable<Text>,
        discount_reason -> Nullable<Text>,
        bill_discount -> BigInt,
    }
}

diesel::table! {
    services (id) {
        id -> BigInt,
        version -> BigInt,
        code -> Text,
        description -> Text,
        sac_hsn -> Text,
        kind -> Text,
        circumstance -> Nullable<Text>,
        price -> BigInt,
        effective_from -> Date,
        effective_to -> Nullable<Date>,
        created_by -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
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
        refunded -> BigInt,
        version -> BigInt,
        advance_id -> Nullable<BigInt>,
    }
}

diesel::table! {
    advances (id) {
        id -> BigInt,
        version -> BigInt,
        patient_id -> BigInt,
        voucher_number -> Text,
        supplier_gstin -> Text,
        series -> Text,
        financial_year -> SmallInt,
        serial -> BigInt,
        dated -> Date,
        kind -> Text,
        circumstance -> Nullable<Text>,
        description -> Text,
        tax_rule -> Text,
        tax_text -> Text,
        amount -> BigInt,
        method -> Text,
        reference -> Nullable<Text>,
        used -> BigInt,
        refunded -> BigInt,
        particulars -> Jsonb,
        received_by -> BigInt,
        received_at -> Timestamptz,
    }
}

diesel::table! {
    refund_vouchers (id) {
        id -> BigInt,
        advance_id -> BigInt,
        patient_id -> BigInt,
        voucher_number -> Text,
        supplier_gstin -> Text,
        series -> Text,
        financial_year -> SmallInt,
        serial -> BigInt,
        dated -> Date,
        amount -> BigInt,
        method -> Text,
        reason -> Text,
        particulars -> Jsonb,
        refunded_by -> BigInt,
        refunded_at -> Timestamptz,
    }
}

diesel::table! {
    refunds (id) {
        id -> BigInt,
        payment_id -> BigInt,
        invoice_id -> BigInt,
        amount -> BigInt,
        method -> Text,
        status -> Text,
        reason -> Text,
        refunded_by -> Nullable<BigInt>,
        refunded_at -> Timestamptz,
        sent_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    day_closes (id) {
        id -> BigInt,
        cashier -> BigInt,
        day -> Date,
        expected -> BigInt,
        counted -> BigInt,
        denominations -> Nullable<Jsonb>,
        reason -> Nullable<Text>,
        closed_by -> BigInt,
        closed_at -> Timestamptz,
    }
}

diesel::table! {
    provider_orders (payment_id) {
        payment_id -> BigInt,
        order_id -> Text,
        provider_payment_id -> Nullable<Text>,
        opened_at -> Timestamptz,
        check_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    provider_refunds (refund_id) {
        refund_id -> BigInt,
        provider_refund_id -> Nullable<Text>,
        failures -> Integer,
        attempts -> Integer,
        try_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    provider_events (event_id) {
        event_id -> Text,
        received_at -> Timestamptz,
    }
}

diesel::table! {
    merged_patients (source) {
        source -> BigInt,
        target -> BigInt,
    }
}

diesel::table! {
    credit_notes (id) {
        id -> BigInt,
        invoice_id -> BigInt,
        patient_id -> BigInt,
        credit_note_number -> Text,
        supplier_gstin -> Text,
        series -> Text,
        financial_year -> SmallInt,
        serial -> BigInt,
        dated -> Date,
        reason -> Text,
        subtotal -> BigInt,
        discount -> BigInt,
        cgst -> BigInt,
        sgst -> BigInt,
        igst -> BigInt,
        round_off -> BigInt,
        total -> BigInt,
        issued_by -> BigInt,
        issued_at -> Timestamptz,
    }
}

diesel::table! {
    insurance (invoice_id) {
        invoice_id -> BigInt,
        version -> BigInt,
        payer -> Text,
        policy_number -> Text,
        preauthorisation_number -> Nullable<Text>,
        preauthorised_amount -> Nullable<BigInt>,
        payer_amount -> BigInt,
        claim_status -> Text,
        claim_number -> Nullable<Text>,
        note -> Nullable<Text>,
        updated_by -> BigInt,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    papers (kind, source_id) {
        kind -> Text,
        source_id -> BigInt,
        content -> Nullable<Bytea>,
        attempts -> SmallInt,
        asked_at -> Timestamptz,
        made_at -> Nullable<Timestamptz>,
        object -> Nullable<Uuid>,
        size -> Nullable<BigInt>,
        sha256 -> Nullable<Bytea>,
        due_at -> Timestamptz,
    }
}

diesel::table! {
    reports (id) {
        id -> BigInt,
        report -> Text,
        format -> Text,
        parameters -> Jsonb,
        asked_by -> BigInt,
        asked_as -> Text,
        doctor -> Nullable<BigInt>,
        status -> Text,
        progress -> SmallInt,
        reason -> Nullable<Text>,
        attempts -> Integer,
        deferrals -> Integer,
        due_at -> Timestamptz,
        upload -> Nullable<Uuid>,
        patients -> Array<BigInt>,
        shown_to -> Array<BigInt>,
        file_name -> Nullable<Text>,
        object -> Nullable<Uuid>,
        size -> Nullable<BigInt>,
        sha256 -> Nullable<Bytea>,
        created_at -> Timestamptz,
        finished_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    report_uploads (object) {
        object -> Uuid,
        begun_at -> Timestamptz,
    }
}

diesel::joinable!(invoice_items -> invoices (invoice_id));
diesel::joinable!(payments -> invoices (invoice_id));
diesel::joinable!(invoices -> patients (patient_id));
diesel::joinable!(refunds -> payments (payment_id));
diesel::joinable!(provider_orders -> payments (payment_id));
diesel::joinable!(provider_refunds -> refunds (refund_id));
diesel::allow_tables_to_appear_in_same_query!(invoices, invoice_items, payments, patients, credit_notes);
diesel::allow_tables_to_appear_in_same_query!(advances, patients);
diesel::allow_tables_to_appear_in_same_query!(refund_vouchers, patients);
diesel::allow_tables_to_appear_in_same_query!(payments, refunds, provider_orders, provider_refunds);
