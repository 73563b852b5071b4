#![doc = include_str!("../README.md")]

pub mod config;
pub mod supplier;

pub mod access;
pub mod app;
pub mod error;

pub mod advances;
pub mod catalogue;
pub mod credit_notes;
pub mod day_close;
pub mod insurance;
pub mod invoices;
pub mod ledger;
pub mod payments;
pub mod pdf;
pub mod razorpay;
pub mod reports;
pub mod upi;
pub mod verify;

pub mod money;
pub mod numbering;
pub mod quantity;
pub mod tax;

pub mod heard;
pub mod known;
pub mod publish;
/// `audit/` and `audit/verify/`.
pub mod audit_log {
    audit::routes!("/api/billing/audit/", "/api/billing/audit/verify/");
}
pub mod worker;

pub mod fields;
mod listing;
mod schema;

use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use utoipa_actix_web::service_config::ServiceConfig;

/// This service's own tables.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!();

/// What the schema must have, in the order in which it is applied.
pub fn migrations() -> Vec<EmbeddedMigrations> {
    vec![chassis::MIGRATIONS, events::MIGRATIONS, audit::MIGRATIONS, MIGRATIONS]
}

/// Every route of the service.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(audit_log::list)
        .service(audit_log::verify)
        .service(catalogue::list::list)
        .service(catalogue::change::create)
        .service(catalogue::change::read)
        .service(catalogue::change::amend)
        .service(invoices::list::list)
        .service(invoices::draft::create)
        .service(invoices::list::read)
        .service(invoices::draft::replace)
        .service(invoices::draft::amend)
        .service(invoices::issue::issue)
        .service(insurance::change::read)
        .service(insurance::change::replace)
        .service(insurance::change::amend)
        .service(pdf::content::invoice)
        .service(pdf::content::credit_note)
        .service(upi::image::upi_qr)
        .service(credit_notes::cancel::cancel)
        .service(credit_notes::list::list)
        .service(credit_notes::list::read)
        .service(payments::list::list)
        .service(payments::take::take)
        .service(payments::read::read)
        .service(payments::read::refunds_of)
        .service(payments::give_back::grant)
        .service(razorpay::webhook::webhook)
        .service(advances::list::list)
        .service(advances::take::take)
        .service(advances::list::read)
        .service(advances::spend::spend)
        .service(advances::uses::uses)
        .service(advances::give_back::give_back)
        .service(advances::pdf::receipt_voucher)
        .service(advances::vouchers::list)
        .service(advances::vouchers::read)
        .service(advances::pdf::refund_voucher)
        .service(day_close::list::list)
        .service(day_close::list::read)
        .service(day_close::close::close)
        .service(reports::revenue::revenue)
        .service(reports::outstanding::owed)
        .service(reports::doctor_share::doctor_share)
        .service(reports::gst::gst)
        .service(reports::day_book::day_book)
        .service(reports::background::ask::ask)
        .service(reports::background::read::list)
        .service(reports::background::read::read);
}

/// The title of the API's document.
pub const TITLE: &str = "EHS billing";
