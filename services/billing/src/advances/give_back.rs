//! `POST advances/{id}/refund/`: an advance, or a part of it, is given back.

use actix_web::{post, web};
use auth::Permit;
use auth::permissions::AdvanceRefund;
use chassis::db;
use chassis::idempotency::{Answer, IdempotencyKey};
use chassis::problem::Problem;
use chassis::strict_json::Strict;
use chrono::Utc;
use diesel_async::AsyncConnection;

use super::{Advance, RefundVoucher};
use crate::app::App;
use crate::payments::give_back::RefundInput;
use crate::pdf::kept::{self, PaperKind};

/// Gives back an advance, whole or in part, the way it came: a refund voucher with a number of its own series is issued (CGST
/// Rules, rule 51). More than is left of the advance is 409, however many ask at once.
///
/// `Idempotency-Key` is required. All refund vouchers of an advance together are bounded by the role's limit, which is that of
/// refunds.
#[utoipa::path(
    tag = "billing",
    request_body = RefundInput,
    params(
        ("id" = i64, Path, description = "the advance"),
        ("Idempotency-Key" = String, Header, description = "required; the same key and body give the first answer again"),
    ),
    responses(
        (status = 201, body = RefundVoucher, description = "given back; Location says where the voucher is"),
        (status = 400, description = "faults, all at once; no Idempotency-Key"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not, or not so much (`limit`)"),
        (status = 404, description = "no such advance"),
        (status = 409, description = "more than is left (`left` says how much that is), a closed day, or the key used for another request"),
    )
)]
#[post("/api/billing/advances/{id}/refund/")]
pub async fn give_back(
    permit: Permit<AdvanceRefund>,
    id: web::Path<i64>,
    key: IdempotencyKey,
    body: Strict<RefundInput>,
    app: web::Data<App>,
) -> Result<Answer, Problem> {
    key.require()?;
    let (actor, input, now) = (&permit.actor, &body.value, Utc::now());
    let mut conn = db::get(&app.db).await?;
    conn.transaction(async |conn| {
        if let Some(stored) = key.claim(conn, actor.user_id, &body.digest).await? {
            actor.trail.repeats();
            return Ok(stored.into());
        }
        let advance = Advance::lock(conn, *id).await?;
        advance.covers(input.amount)?;
        app.refund_limits.check(actor.role, advance.refunded + input.amount)?;
        let voucher = RefundVoucher::write(conn, &app.supplier, &advance, input, (actor.user_id, now)).await?;
        kept::ask_for(conn, PaperKind::RefundVoucher, voucher.id).await?;
        audit::write(conn, &actor.trail, [advance.patient_id]).await?;
        let answer = Answer::created(format!("/api/billing/refund-vouchers/{}/", voucher.id), 1, &voucher)?;
        key.store(conn, actor.user_id, &answer).await?;
        metrics::counter!("billing_advances_total", "what" => "refunded").increment(1);
        Ok(answer)
    })
    .await
}
