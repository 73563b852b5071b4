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
mod advances;
mod audit_log;
mod background;
mod bad_input;
mod catalogue;
mod chaos;
mod clinic;
mod credit_notes;
mod database;
mod day_close;
mod discounts;
mod drafts;
mod events;
mod insurance;
mod invoices;
mod ledger;
mod lists;
mod merged;
mod numbering;
mod online;
mod openapi;
mod overdue;
mod owners;
mod paper;
mod particulars;
mod payments;
mod pdf;
mod provider;
mod recipients;
mod refunds;
mod reports;
mod union_territory;
mod upi;
mod verify;
mod vouchers;
