#![doc = include_str!("../README.md")]

pub mod address;
pub mod base;
pub mod env;

pub mod db;
pub mod prepared;
pub mod redis;
pub mod telemetry;

pub mod aadhaar;
pub mod edge;
pub mod fields;
pub mod http;
pub mod openapi;
pub mod problem;
pub mod strict_json;
pub mod text;
pub mod trail;
pub mod words;

pub mod etag;
pub mod idempotency;
pub mod merge_patch;
pub mod page;

pub mod phi;
pub mod shutdown;
pub mod work;

mod schema;

use diesel_migrations::EmbeddedMigrations;

/// Tables that every service's schema has: `idempotency_keys`.
pub const MIGRATIONS: EmbeddedMigrations = diesel_migrations::embed_migrations!("migrations");
