#![doc = include_str!("../README.md")]

pub mod app;
pub mod config;
pub mod error;
pub mod schema;
pub mod user;

pub mod mfa;
pub mod registration;
pub mod sign_in;

pub mod accounts;
pub mod doctors;
pub mod profile;

pub mod create_admin;
pub mod events;
pub mod keys;
pub mod worker;

mod listing;

use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use utoipa_actix_web::service_config::ServiceConfig;

/// This service's own tables.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!();

/// Everything that `migrate` applies, in order.
#[must_use]
pub fn migrations() -> Vec<EmbeddedMigrations> {
    vec![chassis::MIGRATIONS, ::events::MIGRATIONS, MIGRATIONS]
}

/// Every route of the service.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(keys::jwks)
        .service(registration::register)
        .service(sign_in::login)
        .service(sign_in::refresh)
        .service(mfa::enable)
        .service(mfa::verify)
        .service(mfa::disable)
        .service(profile::read)
        .service(profile::amend)
        .service(doctors::list)
        .service(doctors::read)
        .service(accounts::list)
        .service(accounts::read);
}
