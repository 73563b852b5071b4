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

mod access;
mod access_log;
mod audit_commands;
mod audit_log;
mod bad_input;
mod break_glass;
mod duplicates;
mod events;
mod fhir;
mod history;
mod history_cache;
mod hl7_import;
mod import;
mod merge;
mod openapi;
mod registration;
mod schema;
mod search;
