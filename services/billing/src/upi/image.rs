//! `GET invoices/{id}/upi-qr.png`.

use actix_web::http::header;
use actix_web::{HttpResponse, get, web};
use auth::Permit;
use auth::permissions::InvoiceRead;
use chassis::db;
use chassis::problem::Problem;

use super::link::link;
use super::qr::Modules;
use crate::access::Scope;
use crate::app::App;
use crate::error::Error;
use crate::insurance::Insurance;
use crate::invoices::Invoice;
use crate::money::Paise;

/// The UPI code of an invoice's balance, as it is now. Scanning it proves no payment.
///
/// Where somebody else pays too, it is for the patient's part of the balance: what the payer has not paid of its part yet is not
/// asked of the patient.
#[utoipa::path(
    tag = "billing",
    params(("id" = i64, Path, description = "the invoice")),
    responses(
        (status = 200, content_type = "image/png", body = Vec<u8>, description = "the code; its reference is the invoice's number"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not"),
        (status = 404, description = "no such invoice, or not the caller's; or the hospital has no UPI address"),
        (status = 409, description = "there is nothing to pay on it, or nothing that is the patient's to pay"),
    )
)]
#[get("/api/billing/invoices/{id}/upi-qr.png")]
pub async fn upi_qr(
    permit: Permit<InvoiceRead>,
    id: web::Path<i64>,
    app: web::Data<App>,
) -> Result<HttpResponse, Problem> {
    let mut conn = db::get(&app.db).await?;
    let (invoice, _) = Invoice::find(&mut conn, Scope::of(&permit), *id).await?;
    permit.actor.trail.shows([invoice.patient_id]);
    let payee = app.payee.as_ref().ok_or(Error::NoUpi)?;
    let (number, balance) = invoice.payable()?;
    let amount = match Insurance::find(&mut conn, invoice.id).await? {
        Some(insured) => insured.patients_part(invoice.totals.total, balance, insured.paid(&mut conn).await?),
        None => balance,
    };
    drop(conn);
    if amount == Paise::ZERO {
        return Err(Error::NothingToPay.into());
    }
    let image = Modules::of(&link(payee, number, amount)).and_then(|code| code.png()).map_err(Problem::internal)?;
    Ok(HttpResponse::Ok()
        .content_type("image/png")
        .insert_header((header::CACHE_CONTROL, "private, no-store"))
        .body(image))
}
