//! The patients service against real parts: a database of its own per test, queues of its own, minted tokens.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    reason = "a test that cannot go on fails"
)]

mod hospital;

mod aadhaar;
mod access;
mod access_log;
mod audit_commands;
mod audit_log;
mod bad_input;
mod break_glass;
mod documents;
mod documents_away;
mod documents_inspected;
mod documents_memory;
mod documents_swept;
mod duplicates;
mod events;
mod fhir;
mod fhir_search;
mod former_numbers;
mod history;
mod history_cache;
mod hl7_again;
mod hl7_history;
mod hl7_hostile;
mod hl7_import;
mod hl7_merge;
mod hl7_mllp;
mod hl7_order;
mod hl7_parked;
mod hl7_patients;
mod import;
mod merge;
mod openapi;
mod registration;
mod schema;
mod search;
mod search_parts;
