//! Through the gateway, with real processes.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod bad_input;
mod bookings;
mod strangers;
mod traces;
