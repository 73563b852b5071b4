//! Billing on real parts: PostgreSQL, SQS, HTTP.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    reason = "a test that cannot go on fails"
)]

mod access;
mod audit_log;
mod bad_input;
mod clinic;
mod database;
mod drafts;
mod events;
mod invoices;
mod lists;
mod merged;
mod numbering;
mod openapi;
mod owners;
mod payments;
