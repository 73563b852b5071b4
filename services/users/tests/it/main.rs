//! The users service over HTTP, on a database of its own per test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    reason = "a test that cannot go on fails"
)]

mod service;

mod access;
mod accounts;
mod audit_log;
mod break_glass;
mod commands;
mod defence;
mod doctors;
mod events;
mod floods;
mod import_django;
mod keys;
mod mfa;
mod openapi;
mod password;
mod post_office;
mod profile;
mod registration;
mod relay;
mod sessions;
mod sign_in;
mod standing;
