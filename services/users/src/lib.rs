#![doc = include_str!("../README.md")]

pub mod app;
pub mod config;
pub mod deed;
pub mod error;
pub mod schema;
pub mod user;

pub mod mfa;
pub mod registration;
pub mod sign_in;

pub mod accounts;
pub mod break_glass;
pub mod doctors;
pub mod password;
pub mod profile;
pub mod sessions;
pub mod standing;

pub mod create_admin;
pub mod events;
pub mod import_django;
pub mod keys;
pub mod mail;
/// `audit/` and `audit/verify/`.
pub mod audit_log {
    audit::routes!("/api/users/audit/", "/api/users/audit/verify/");
}
pub mod worker;

mod listing;

use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use utoipa_actix_web::service_config::ServiceConfig;

/// This service's own tables.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!();

/// Everything that `migrate` applies, in order.
#[must_use]
pub fn migrations() -> Vec<EmbeddedMigrations> {
    vec![chassis::MIGRATIONS, ::events::MIGRATIONS, audit::MIGRATIONS, MIGRATIONS]
}

/// Every route of the service.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(keys::jwks)
        .service(audit_log::list)
        .service(audit_log::verify)
        .service(registration::register)
        .service(sign_in::login)
        .service(sign_in::refresh)
        .service(mfa::enable)
        .service(mfa::verify)
        .service(mfa::disable)
        .service(profile::read)
        .service(profile::amend)
        .service(password::change)
        .service(password::forgotten)
        .service(password::confirm)
        .service(sessions::logout)
        .service(sessions::list)
        .service(sessions::end)
        .service(doctors::list)
        .service(doctors::read)
        .service(break_glass::list)
        .service(break_glass::read)
        .service(break_glass::judge)
        .service(accounts::list)
        .service(accounts::read)
        .service(standing::amend);
}
