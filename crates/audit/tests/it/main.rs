//! The audit log on a real PostgreSQL.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::as_conversions)]

mod clinic;

mod answers;
mod chain;
mod kill;
mod months;
mod refusals;
mod writes;
