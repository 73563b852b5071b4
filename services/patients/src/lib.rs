#![doc = include_str!("../README.md")]

pub mod access;
pub mod access_log;
pub mod break_glass;
pub mod patient;

pub mod duplicates;
pub mod hl7_import;
pub mod import;
pub mod merge;
pub mod registration;
pub mod search;

pub mod history;

pub mod documents;

pub mod fhir;
pub mod fields;

pub mod care;
pub mod events;
pub mod staff;
/// `audit/` and `audit/verify/`.
pub mod audit_log {
    audit::routes!("/api/patients/audit/", "/api/patients/audit/verify/");
}
pub mod worker;

pub mod app;
pub mod config;
pub mod error;
mod schema;

use actix_web::web;
use audit::routes::AuditLog;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use utoipa_actix_web::service_config::ServiceConfig;

use self::app::App;

/// The service's name in its OpenAPI document.
pub const TITLE: &str = "EHS patients";

/// This service's own tables.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!();

/// All tables of the service's schema, in the order in which they are made.
pub fn migrations() -> Vec<EmbeddedMigrations> {
    vec![chassis::MIGRATIONS, ::events::MIGRATIONS, audit::MIGRATIONS, MIGRATIONS]
}

/// Every route of the service.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        // Before `{id}`, which would take it for an id.
        .service(audit_log::list)
        .service(audit_log::verify)
        .service(hl7_import::import)
        .service(hl7_import::parked::list)
        .service(hl7_import::parked::read)
        .service(hl7_import::parked::again::replay)
        .service(hl7_import::parked::discard)
        .service(search::list)
        .service(registration::register)
        .service(registration::read)
        .service(registration::replace)
        .service(registration::amend)
        .service(registration::deactivate)
        .service(duplicates::list)
        .service(merge::merge_into)
        .service(merge::unmerge_from)
        .service(merge::list)
        .service(fhir::read)
        .service(fhir::door::metadata)
        .service(fhir::search::list)
        .service(fhir::search::list_by_form)
        .service(fhir::door::read)
        .service(fhir::door::record)
        .service(history::read)
        .service(history::add)
        .service(history::read_entry)
        .service(history::amend)
        .service(history::versions)
        .service(documents::upload::upload)
        .service(documents::listing::list)
        .service(documents::reading::read)
        .service(documents::reading::content)
        .service(documents::reading::thumbnail)
        .service(access_log::list);
}

/// The routes with the state that they share.
pub fn with_state(app: App) -> impl Fn(&mut ServiceConfig<'_>) + Clone + Send + 'static {
    move |config| {
        config.app_data(web::Data::new(app.clone()));
        config.app_data(web::Data::new(app.verifier.clone()));
        config.app_data(fhir::outcome::for_fhir_clients());
        app.audit.install(config, AuditLog::new(app.db.clone(), app.cursor_key.clone()));
        routes(config);
    }
}
