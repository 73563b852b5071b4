//! The appointments service over HTTP, on a real PostgreSQL and real queues.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    missing_docs
)]

mod hospital;

mod booking;
mod booking_input;
mod break_glass;
mod change;
mod date_range;
mod listing;
mod merged;
mod races;
mod status;

mod availability;
mod schedule;

mod access;
mod audit_log;
mod events;
mod lookup;
mod openapi;
