//! Properties of the schema, and the guards that hold whoever writes.

use diesel_async::{AsyncConnection, RunQueryDsl};

use crate::hospital::Hospital;

async fn refused(hospital: &Hospital, sql: &str) -> bool {
    let mut conn = hospital.db.connect().await;
    diesel::sql_query(sql).execute(&mut conn).await.is_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_itself_refuses_what_must_never_happen() {
    let hospital = Hospital::open().await;
    hospital.db.sql("INSERT INTO patients (first_name, abha_number) VALUES ('Ravi', '91123456789012')").await;
    let grant = "INSERT INTO break_glass_grants (actor, role, session, reason, patient, expires_at) \
         SELECT 2, 'DOCTOR', gen_random_uuid(), 'unconscious in casualty', id, now() + interval '1 hour' FROM patients";
    hospital.db.sql(grant).await;
    let entry = "INSERT INTO history_entries (patient, kind, display, status, sort_date, source, author) \
         SELECT id, 'CONDITION', 'Asthma', 'ACTIVE', '2026-11-23', 'API', 2 FROM patients";
    hospital.db.sql(entry).await;
    let document = "INSERT INTO documents (patient, title, document_type, words, object, content_type, size, sha256, uploaded_by) \
         SELECT id, 'ECG', 'IMAGING', 'ecg', gen_random_uuid(), 'image/png', 1, decode(repeat('00', 32), 'hex'), 2 FROM patients";
    hospital.db.sql(document).await;
    for sql in [
        "UPDATE documents SET title = 'EEG'",
        "UPDATE documents SET status = 'READY'",
        "UPDATE documents SET status = 'READY', version = version + 2",
        "UPDATE documents SET status = 'QUARANTINED', version = version + 1",
        "UPDATE documents SET size = 2, version = version + 1",
        "UPDATE documents SET patient = patient + 1, status = 'READY', version = version + 1",
        "DELETE FROM documents",
        "TRUNCATE documents CASCADE",
        "INSERT INTO documents (patient, title, document_type, words, object, content_type, size, sha256, uploaded_by) \
         SELECT id, 'ECG', 'SELFIE', 'ecg', gen_random_uuid(), 'image/png', 1, decode(repeat('00', 32), 'hex'), 2 FROM patients",
        "INSERT INTO patients (first_name, abha_number) VALUES ('Sita', '91123456789012')",
        "INSERT INTO patients (first_name, abha_number) VALUES ('Sita', '91-1234-5678-9013')",
        "INSERT INTO patients (first_name) VALUES ('')",
        "INSERT INTO patients (first_name, gender) VALUES ('Sita', 'female')",
        "INSERT INTO patients (first_name, phone) VALUES ('Sita', '98765 43210')",
        "INSERT INTO patients (first_name, date_of_birth) VALUES ('Sita', '1874-12-31')",
        "INSERT INTO patients (first_name, blood_group) VALUES ('Sita', 'C+')",
        "UPDATE patients SET first_name = 'Sita'",
        "UPDATE patients SET first_name = 'Sita', version = version + 2",
        "DELETE FROM patients",
        "TRUNCATE patients CASCADE",
        "INSERT INTO break_glass_grants (actor, role, session, reason, patient, expires_at) \
         SELECT 2, 'RECEPTIONIST', gen_random_uuid(), 'because I want it', id, now() FROM patients",
        "INSERT INTO break_glass_grants (actor, role, session, reason, patient, expires_at) \
         SELECT 2, 'DOCTOR', gen_random_uuid(), 'because I want it', id, now() + interval '2 hours' FROM patients",
        "UPDATE break_glass_grants SET expires_at = now() + interval '1 hour'",
        "DELETE FROM break_glass_grants",
        "UPDATE history_entries SET status = 'RESOLVED'",
        "UPDATE history_entries SET kind = 'ALLERGY', version = version + 1",
        "UPDATE history_entries SET patient = patient + 1, status = 'RESOLVED', version = version + 1",
        "DELETE FROM history_entries",
        "UPDATE history_versions SET content = '{}'",
        "DELETE FROM history_versions",
        "INSERT INTO history_versions (entry, version, content) SELECT id, 7, '{}' FROM history_entries",
        "UPDATE history_heads SET version = 1",
        "DELETE FROM history_heads",
        "INSERT INTO history_entries (patient, kind, display, status, sort_date, source, author) \
         SELECT id, 'CONDITION', 'Asthma', 'ACTIVE', 'soon', 'API', 2 FROM patients",
        "INSERT INTO history_entries (patient, kind, status, sort_date, source, author) \
         SELECT id, 'CONDITION', 'ACTIVE', '2026', 'API', 2 FROM patients",
        "INSERT INTO history_entries (patient, kind, display, status, sort_date, source) \
         SELECT id, 'CONDITION', 'Asthma', 'ACTIVE', '2026', 'HL7' FROM patients",
        "INSERT INTO patient_words (word, recency) VALUES ('ravi', -1)",
        "DELETE FROM patient_words",
        "UPDATE patient_word_pairs SET other = 'ravi'",
        "INSERT INTO search_dictionary (word) VALUES ('ravi')",
        "CREATE TABLE mine (id int)",
        "ALTER TABLE patients DROP COLUMN phone",
        "INSERT INTO patient_identifiers (authority, value, patient) VALUES ('A', '1', 4242)",
        "INSERT INTO hl7_messages (sending_application, sending_facility, control_id, event, digest, raw, received_by, status) \
         VALUES ('', '', '', '', decode(repeat('00', 32), 'hex'), '', 1, 'APPLIED')",
    ] {
        assert!(refused(&hospital, sql).await, "{sql}");
    }
    hospital.db.sql("UPDATE documents SET status = 'READY', version = 2").await;
    assert!(refused(&hospital, "UPDATE documents SET status = 'PROCESSING', version = 3").await, "it was inspected");
    hospital.db.sql("UPDATE history_entries SET status = 'ENTERED_IN_ERROR', version = 2").await;
    assert!(refused(&hospital, "UPDATE history_entries SET status = 'ACTIVE', version = 3").await, "it stays in error");
    assert_eq!(hospital.count("history_versions").await, 2);
    for sql in
        ["UPDATE history_versions SET content = '{}'", "DELETE FROM history_versions", "TRUNCATE history_versions"]
    {
        let mut owner = diesel_async::AsyncPgConnection::establish(&hospital.db.owner_url).await.unwrap();
        assert!(diesel::sql_query(sql).execute(&mut owner).await.is_err(), "not even the owner: {sql}");
    }
    assert!(!refused(&hospital, "UPDATE patients SET first_name = 'Sita', version = version + 1").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_has_a_primary_key_and_every_reference_an_index() {
    let hospital = Hospital::open().await;
    let without_key = "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'patients' \
         WHERE c.relkind = 'r' AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)";
    assert_eq!(hospital.db.number(without_key).await, 0);
    let without_index = "SELECT count(*) FROM pg_constraint f JOIN pg_namespace n ON n.oid = f.connamespace AND n.nspname = 'patients' \
         WHERE f.contype = 'f' AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = f.conrelid AND i.indkey[0] = f.conkey[1])";
    assert_eq!(hospital.db.number(without_index).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn migrations_undo_themselves() {
    let hospital = Hospital::open().await;
    for (_, down) in [
        (
            "numbers without zeros, of all",
            include_str!("../../migrations/2026-11-28-043100_numbers_without_zeros_of_all/down.sql"),
        ),
        ("numbers without zeros", include_str!("../../migrations/2026-11-28-043000_numbers_without_zeros/down.sql")),
        (
            "audit, patients filed",
            include_str!("../../../../crates/audit/migrations/2026-11-27-160100_audit_patients_filed/down.sql"),
        ),
        ("heads planned once", include_str!("../../migrations/2026-11-27-170100_heads_planned_once/down.sql")),
        ("search hears", include_str!("../../migrations/2026-11-27-170000_search_hears/down.sql")),
        ("search files", include_str!("../../migrations/2026-11-27-160000_search_files/down.sql")),
        ("words planned once", include_str!("../../migrations/2026-11-27-150000_words_planned_once/down.sql")),
        ("former_numbers", include_str!("../../migrations/2026-11-27-140000_former_numbers/down.sql")),
        ("hl7_receiving", include_str!("../../migrations/2026-11-27-050000_hl7_receiving/down.sql")),
        ("fhir_names", include_str!("../../migrations/2026-11-27-040000_fhir_names/down.sql")),
        ("documents", include_str!("../../migrations/2026-11-27-030000_documents/down.sql")),
        ("imports", include_str!("../../migrations/2026-11-27-020300_imports/down.sql")),
        ("merges", include_str!("../../migrations/2026-11-27-020100_merges/down.sql")),
        ("phone parts", include_str!("../../migrations/2026-11-27-010200_phone_parts/down.sql")),
        ("words of all", include_str!("../../migrations/2026-11-27-010100_search_words_of_all/down.sql")),
        ("words", include_str!("../../migrations/2026-11-27-010000_search_words/down.sql")),
        ("history", include_str!("../../migrations/2026-11-23-000700_history/down.sql")),
        ("break_glass", include_str!("../../migrations/2026-11-23-000400_break_glass/down.sql")),
        ("hl7", include_str!("../../migrations/2026-11-23-000300_hl7_messages/down.sql")),
        ("care", include_str!("../../migrations/2026-11-23-000200_care/down.sql")),
        ("patients", include_str!("../../migrations/2026-11-23-000100_patients/down.sql")),
        ("audit", include_str!("../../../../crates/audit/migrations/2026-11-23-000250_audit/down.sql")),
    ] {
        hospital.db.sql(down).await;
    }
    let left =
        "SELECT count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace AND n.nspname = 'patients'";
    assert_eq!(hospital.db.number(left).await, 0);
}
