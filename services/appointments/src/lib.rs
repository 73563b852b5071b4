#![doc = include_str!("../README.md")]

pub mod app;
pub mod config;
pub mod error;

pub mod access;
pub mod appointment;
pub mod break_glass;
pub mod people;
pub mod plan;
pub mod slots;
pub mod status;

pub mod booking;
pub mod calendar;
pub mod change;
pub mod date_range;
pub mod feed;
pub mod history;
pub mod listing;
pub mod series;

pub mod availability;
pub mod busy_times;
pub mod free;
pub mod holidays;
pub mod schedule;
pub mod time_off;

pub mod no_show;
pub mod rescheduling;
pub mod waitlist;

pub mod events;
pub mod external;
pub mod lookup;
pub mod merged;
/// `audit/` and `audit/verify/`.
pub mod audit_log {
    audit::routes!("/api/appointments/audit/", "/api/appointments/audit/verify/");
}
pub mod worker;

mod input;
mod schema;

use actix_web::web;
use audit::routes::AuditLog;
use auth::Verifier;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::app::App;

/// Title of the OpenAPI document, and name of the service in logs and traces.
pub const TITLE: &str = "appointments";

/// This service's own tables.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!();

/// All tables of the schema, in the order in which they are made.
pub fn migrations() -> Vec<EmbeddedMigrations> {
    vec![chassis::MIGRATIONS, ::events::MIGRATIONS, audit::MIGRATIONS, MIGRATIONS]
}

/// Every route of the service.
pub fn operations(config: &mut ServiceConfig<'_>) {
    config
        .service(audit_log::list)
        .service(audit_log::verify)
        .service(listing::list)
        .service(booking::book)
        .service(booking::walk_in::walk_in)
        .service(series::book)
        .service(date_range::date_range)
        .service(free::across_doctors)
        .service(free::next_available)
        .service(schedule::schedule)
        .service(availability::read)
        .service(availability::replace)
        .service(time_off::list)
        .service(time_off::take)
        .service(time_off::read)
        .service(time_off::take_back)
        .service(busy_times::import)
        .service(busy_times::calendars::list)
        .service(busy_times::calendars::forget)
        .service(waitlist::list::list)
        .service(waitlist::join)
        .service(waitlist::read)
        .service(waitlist::amend::amend)
        .service(waitlist::answer::accept)
        .service(waitlist::answer::decline)
        .service(history::history)
        .service(calendar::one)
        .service(calendar::of_doctor)
        .service(feed::read)
        .service(feed::make)
        .service(feed::revoke)
        .service(feed::fetch)
        .service(external::external)
        .service(change::read)
        .service(change::replace)
        .service(change::amend);
}

/// The routes with their state.
pub fn routes(app: App, verifier: Verifier) -> impl Fn(&mut ServiceConfig<'_>) + Clone + Send + 'static {
    let app = web::Data::new(app);
    move |config| {
        config.app_data(app.clone()).app_data(verifier.clone());
        app.audit.install(config, AuditLog::new(app.db.clone(), app.cursor_key.clone()));
        operations(config);
    }
}
