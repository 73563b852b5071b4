//! Through the gateway, with real processes.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod api_document;
mod strangers;
mod tokens;

mod access_matrix;
mod audit;
mod break_glass;
mod sessions;

mod bad_input;
mod bookings;
mod told;
mod traces;
