//! `GET advances/{id}/pdf/` and `GET refund-vouchers/{id}/pdf/`.

use actix_web::{HttpResponse, get, web};
use auth::Permit;
use auth::permissions::AdvanceRead;
use chassis::db;
use chassis::problem::Problem;

use super::{Advance, RefundVoucher};
use crate::access::Scope;
use crate::app::App;
use crate::pdf::content::pdf;
use crate::pdf::kept::PaperKind;

/// The receipt voucher of an advance as PDF: made when it was taken, the same bytes ever after.
#[utoipa::path(
    tag = "billing",
    params(("id" = i64, Path, description = "the advance")),
    responses(
        (status = 200, content_type = "application/pdf", body = Vec<u8>, description = "the receipt voucher"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not"),
        (status = 404, description = "no such advance, or not the caller's"),
        (status = 503, description = "the store is away, in which it is", headers(("Retry-After" = String))),
    )
)]
#[get("/api/billing/advances/{id}/pdf/")]
pub async fn receipt_voucher(
    permit: Permit<AdvanceRead>,
    id: web::Path<i64>,
    app: web::Data<App>,
) -> Result<HttpResponse, Problem> {
    let mut conn = db::get(&app.db).await?;
    let advance = Advance::find(&mut conn, Scope::of(&permit), *id).await?;
    drop(conn);
    permit.actor.trail.shows([advance.patient_id]);
    let bytes = app.papers.bytes(&app.db, PaperKind::ReceiptVoucher, advance.id).await?;
    Ok(pdf(&advance.voucher_number, bytes))
}

/// A refund voucher as PDF: made when it was granted, the same bytes ever after.
#[utoipa::path(
    tag = "billing",
    params(("id" = i64, Path, description = "the refund voucher")),
    responses(
        (status = 200, content_type = "application/pdf", body = Vec<u8>, description = "the refund voucher"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not"),
        (status = 404, description = "no such refund voucher, or not the caller's"),
        (status = 503, description = "the store is away, in which it is", headers(("Retry-After" = String))),
    )
)]
#[get("/api/billing/refund-vouchers/{id}/pdf/")]
pub async fn refund_voucher(
    permit: Permit<AdvanceRead>,
    id: web::Path<i64>,
    app: web::Data<App>,
) -> Result<HttpResponse, Problem> {
    let mut conn = db::get(&app.db).await?;
    let voucher = RefundVoucher::find(&mut conn, Scope::of(&permit), *id).await?;
    drop(conn);
    permit.actor.trail.shows([voucher.patient_id]);
    let bytes = app.papers.bytes(&app.db, PaperKind::RefundVoucher, voucher.id).await?;
    Ok(pdf(&voucher.voucher_number, bytes))
}
