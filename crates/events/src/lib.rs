#![doc = include_str!("../README.md")]

pub mod envelope;
pub mod subscriptions;

pub mod outbox;
pub mod relay;

pub mod queues;

pub mod consumer;
pub mod inbox;

mod pause;
mod schema;

use diesel_migrations::{EmbeddedMigrations, embed_migrations};

pub use consumer::Handler;
pub use outbox::Outbox;
pub use prost_types::Timestamp;
pub use queues::{QueueConfig, SqsQueues};
pub use v1::envelope::Payload;

/// The tables `outbox` and `inbox`, which every service has in its own schema.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!();

/// Package `ehs.events.v1`, generated from `proto-schemas/`.
pub mod v1 {
    include!(concat!(env!("OUT_DIR"), "/ehs.events.v1.rs"));
}
