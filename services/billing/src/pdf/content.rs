//! `GET invoices/{id}/pdf/` and `GET credit-notes/{id}/pdf/`.

use actix_web::http::header;
use actix_web::{HttpResponse, get, web};
use auth::Permit;
use auth::permissions::InvoiceRead;
use chassis::db;
use chassis::problem::Problem;

use super::kept::PaperKind;
use crate::access::Scope;
use crate::app::App;
use crate::credit_notes::CreditNote;
use crate::error::Error;
use crate::invoices::Invoice;

/// An issued invoice as PDF: made at issue, the same bytes ever after. Its UPI code is for the whole bill, as at issue; for
/// what is left to pay ask `upi-qr.png`. Where an insurance was said before it was issued, it names payer and policy and splits the
/// total, and the code is for the patient's part.
#[utoipa::path(
    tag = "billing",
    params(("id" = i64, Path, description = "the invoice")),
    responses(
        (status = 200, content_type = "application/pdf", body = Vec<u8>, description = "the bill"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not"),
        (status = 404, description = "no such invoice, or not the caller's"),
        (status = 409, description = "a draft"),
        (status = 503, description = "the store is away, in which it is", headers(("Retry-After" = String))),
    )
)]
#[get("/api/billing/invoices/{id}/pdf/")]
pub async fn invoice(
    permit: Permit<InvoiceRead>,
    id: web::Path<i64>,
    app: web::Data<App>,
) -> Result<HttpResponse, Problem> {
    let mut conn = db::get(&app.db).await?;
    let (invoice, _) = Invoice::find(&mut conn, Scope::of(&permit), *id).await?;
    drop(conn);
    permit.actor.trail.shows([invoice.patient_id]);
    let number = invoice.invoice_number.ok_or(Error::NotIssued)?;
    let bytes = app.papers.bytes(&app.db, PaperKind::Invoice, invoice.id).await?;
    Ok(pdf(&number, bytes))
}

/// A credit note as PDF: made when the invoice was cancelled, the same bytes ever after.
#[utoipa::path(
    tag = "billing",
    params(("id" = i64, Path, description = "the credit note")),
    responses(
        (status = 200, content_type = "application/pdf", body = Vec<u8>, description = "the credit note"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not"),
        (status = 404, description = "no such credit note, or not the caller's"),
        (status = 503, description = "the store is away, in which it is", headers(("Retry-After" = String))),
    )
)]
#[get("/api/billing/credit-notes/{id}/pdf/")]
pub async fn credit_note(
    permit: Permit<InvoiceRead>,
    id: web::Path<i64>,
    app: web::Data<App>,
) -> Result<HttpResponse, Problem> {
    let mut conn = db::get(&app.db).await?;
    let note = CreditNote::find(&mut conn, Scope::of(&permit), *id).await?;
    drop(conn);
    permit.actor.trail.shows([note.patient_id]);
    let bytes = app.papers.bytes(&app.db, PaperKind::CreditNote, note.id).await?;
    Ok(pdf(&note.credit_note_number, bytes))
}

/// Under a name without the slashes of its number.
pub(crate) fn pdf(number: &str, bytes: web::Bytes) -> HttpResponse {
    let name = format!("inline; filename=\"{}.pdf\"", number.replace('/', "-"));
    HttpResponse::Ok()
        .content_type("application/pdf")
        .insert_header((header::CONTENT_DISPOSITION, name))
        .insert_header((header::CACHE_CONTROL, "private, no-cache"))
        .body(bytes)
}
