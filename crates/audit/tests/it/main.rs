//! The audit log on a real PostgreSQL.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    clippy::print_stdout
)]

mod clinic;
mod cluster;

mod answers;
mod chain;
mod crash;
mod head;
mod kill;
mod months;
mod pages;
mod refusals;
mod writes;
