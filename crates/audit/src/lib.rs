#![doc = include_str!("../README.md")]

pub mod row;

pub mod recorder;
pub mod write;

pub mod chain;
pub mod link;
pub mod verify;

pub mod query;
pub mod routes;

pub mod command;
pub mod config;
pub mod fhir;
pub mod worker;

mod schema;

use diesel_migrations::{EmbeddedMigrations, embed_migrations};

pub use command::AuditCommand;
pub use recorder::Recorder;
pub use write::write;

/// The tables `audit_log`, `audit_link` and `audit_anchor`, which every service has in its own schema.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!();
