//! `POST payments/{id}/refund/`: a payment, or a part of it, is paid back.

use actix_web::http::StatusCode;
use actix_web::{post, web};
use auth::Permit;
use auth::permissions::PaymentRefund;
use chassis::db;
use chassis::idempotency::{Answer, IdempotencyKey};
use chassis::problem::Problem;
use chassis::strict_json::{Fault, Faults, Strict};
use chassis::text::Line;
use chrono::Utc;
use deserr::Deserr;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use utoipa::ToSchema;

use super::payment::{most_paid, move_invoice};
use super::refund::Grant;
use super::take::something;
use super::{Method, Payment, PaymentStatus, Refund};
use crate::app::App;
use crate::error::Error;
use crate::fields::filled;
use crate::invoices::Invoice;
use crate::money::Paise;
use crate::publish;

/// A refund as it is asked for.
#[derive(Clone, Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct RefundInput {
    /// In rupees: more than nothing, at most what is left of the payment, or of the advance.
    #[deserr(try_from(Paise) = something -> Fault)]
    pub amount: Paise,
    /// Why.
    #[deserr(try_from(String) = filled::<200> -> Fault)]
    pub reason: Line<200>,
}

/// Pays back a payment, whole or in part, the way it came. More than is left of the payment is 409, however many ask at once.
///
/// `Idempotency-Key` is required. A refund of an ONLINE payment is PENDING until the provider has sent it; the invoice says at
/// once that it is less paid. An invoice that was paid in whole becomes REFUNDED when nothing of that is left; a cancelled one
/// stays CANCELLED. All refunds of a payment together are bounded by the role's limit. A refund of a payment by ADVANCE goes back to
/// the advance, and leaves the hospital by a refund voucher only: the limit is that one's.
///
/// A refund takes nothing off the bill: the invoice owes the amount again (`balance`), until it is cancelled by a credit note. That
/// is for the whole invoice; there is none for a part.
#[utoipa::path(
    tag = "billing",
    request_body = RefundInput,
    params(
        ("id" = i64, Path, description = "the payment"),
        ("Idempotency-Key" = String, Header, description = "required; the same key and body give the first answer again"),
    ),
    responses(
        (status = 201, body = Refund, description = "paid back, or PENDING at the provider"),
        (status = 400, description = "faults, all at once; no Idempotency-Key"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not, or not so much (`limit`)"),
        (status = 404, description = "no such payment"),
        (status = 409, description = "more than is left (`refundable` says how much that is), a payment that never came, a closed day, or the key used for another request"),
    )
)]
#[post("/api/billing/payments/{id}/refund/")]
pub async fn grant(
    permit: Permit<PaymentRefund>,
    id: web::Path<i64>,
    key: IdempotencyKey,
    body: Strict<RefundInput>,
    app: web::Data<App>,
) -> Result<Answer, Problem> {
    key.require()?;
    let actor = &permit.actor;
    let mut conn = db::get(&app.db).await?;
    conn.transaction(async |conn| {
        if let Some(stored) = key.claim(conn, actor.user_id, &body.digest).await? {
            actor.trail.repeats();
            return Ok(stored.into());
        }
        let (payment, invoice) = Payment::lock(conn, *id).await?;
        allowed(&payment, body.value.amount)?;
        if payment.method != Method::Advance {
            app.refund_limits.check(actor.role, payment.refunded + body.value.amount)?;
        }
        let refund = give_back(conn, &payment, &invoice, &body.value, actor.user_id).await?;
        publish::refunded(conn, &app.outbox, actor, &refund).await?;
        audit::write(conn, &actor.trail, [invoice.patient_id]).await?;
        let location = format!("/api/billing/payments/{}/refunds/", payment.id);
        let answer = Answer::new(StatusCode::CREATED, Some(location), None, &refund)?;
        key.store(conn, actor.user_id, &answer).await?;
        Ok(answer)
    })
    .await
}

fn allowed(payment: &Payment, amount: Paise) -> Result<(), Error> {
    let left = payment.amount - payment.refunded;
    match payment.status {
        PaymentStatus::Completed if amount > left => Err(Error::OverRefunded { left }),
        PaymentStatus::Completed => Ok(()),
        other => Err(Error::NotRefundable(other)),
    }
}

/// Adds the refund and moves the invoice; the rows of both payment and invoice are locked.
async fn give_back(
    conn: &mut AsyncPgConnection,
    payment: &Payment,
    invoice: &Invoice,
    input: &RefundInput,
    user: i64,
) -> Result<Refund, Error> {
    let now = Utc::now();
    let most = most_paid(conn, invoice.id).await?;
    let (paid, status) = invoice.status.after_refund(invoice.totals.total, invoice.amount_paid, most, input.amount);
    let terms = Grant { amount: input.amount, reason: &input.reason, by: Some(user), at: now };
    let refund = Refund::insert(conn, payment, terms).await?;
    move_invoice(conn, invoice.id, paid, status, now).await?;
    Ok(refund)
}
