//! The gateway in front of a real server that does as it is told.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod authn;
mod bodies;
mod docs;
mod headers;
mod house;
mod smuggling;
mod upstream;
