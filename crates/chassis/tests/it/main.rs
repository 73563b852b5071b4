//! The chassis from outside: a toy service of shelves and books, asked over HTTP.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod bookshop;
mod database;
mod errors;
mod idempotency;
mod input;
mod pages;
mod prepared;
mod tracing_headers;
