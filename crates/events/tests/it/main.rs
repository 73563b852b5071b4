//! The events of EHS on a real PostgreSQL and a real queue.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    reason = "a test that cannot go on fails"
)]

mod world;

mod schemas;

mod flow;
mod order;
mod outbox;
mod queues;
mod trace;

mod failures;
mod kill;
mod shutdown;
