//! The gateway in front of a real server that does as it is told.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod authn;
mod binary;
mod bodies;
mod broken;
mod cors;
mod docs;
mod drain;
mod headers;
mod house;
mod limits;
mod outcomes;
mod secrets;
mod secure;
mod security;
mod smuggling;
mod tls;
mod two;
mod upstream;
