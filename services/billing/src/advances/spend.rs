//! `POST advances/{id}/use/`: an invoice is paid with an advance.

use actix_web::{post, web};
use auth::Permit;
use auth::permissions::AdvanceUse;
use chassis::db;
use chassis::fields::Id;
use chassis::idempotency::{Answer, IdempotencyKey};
use chassis::problem::Problem;
use chassis::strict_json::{Fault, Faults, Strict};
use chrono::Utc;
use deserr::Deserr;
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use utoipa::ToSchema;

use super::Advance;
use crate::access::Scope;
use crate::app::App;
use crate::error::Error;
use crate::invoices::Invoice;
use crate::known::merged::survivor;
use crate::money::Paise;
use crate::payments::payment::move_invoice;
use crate::payments::read::PaymentAnswer;
use crate::payments::take::{in_body, something, taken};
use crate::payments::{Method, Payment};
use crate::publish;
use crate::schema::payments;

/// The use of an advance as it is asked for.
#[derive(Clone, Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct AdvanceUseInput {
    /// The invoice that it pays: one of the same patient's, under whichever of their ids.
    pub invoice: Id,
    /// In rupees: more than nothing, at most what is left of the advance and the invoice's balance.
    #[deserr(try_from(Paise) = something -> Fault)]
    pub amount: Paise,
}

/// Pays an invoice with an advance, whole or in part: a payment by ADVANCE. More than is left of the advance, or than the
/// invoice's balance, is 409, however many ask at once.
///
/// `Idempotency-Key` is required. An invoice may be paid with several advances, and an advance pay several invoices. No drawer is
/// touched, so that a closed day does not matter. What is refunded of the payment is left of the advance again.
#[utoipa::path(
    tag = "billing",
    request_body = AdvanceUseInput,
    params(
        ("id" = i64, Path, description = "the advance"),
        ("Idempotency-Key" = String, Header, description = "required; the same key and body give the first answer again"),
    ),
    responses(
        (status = 201, body = PaymentAnswer, description = "the payment; the invoice is PARTIALLY_PAID or PAID"),
        (status = 400, description = "faults, all at once; no Idempotency-Key; no such invoice, or another patient's"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not"),
        (status = 404, description = "no such advance"),
        (status = 409, description = "more than is left of the advance (`left`) or than the balance (`balance`), a draft or a cancelled invoice, or the key used for another request"),
    )
)]
#[post("/api/billing/advances/{id}/use/")]
pub async fn spend(
    permit: Permit<AdvanceUse>,
    id: web::Path<i64>,
    key: IdempotencyKey,
    body: Strict<AdvanceUseInput>,
    app: web::Data<App>,
) -> Result<Answer, Problem> {
    key.require()?;
    let (actor, scope, input) = (&permit.actor, Scope::of(&permit), &body.value);
    let mut conn = db::get(&app.db).await?;
    conn.transaction(async |conn| {
        if let Some(stored) = key.claim(conn, actor.user_id, &body.digest).await? {
            actor.trail.repeats();
            return Ok(stored.into());
        }
        let seen = Advance::find(conn, scope, *id).await?;
        let invoice = Invoice::lock(conn, scope, input.invoice.get()).await.map_err(in_body)?;
        let advance = Advance::lock(conn, seen.id).await?;
        let payment = pay(conn, &advance, &invoice, input.amount, actor.user_id).await?;
        publish::received(conn, &app.outbox, Some(actor), &payment).await?;
        audit::write(conn, &actor.trail, [advance.patient_id, invoice.patient_id]).await?;
        let answer = taken(payment, None)?;
        key.store(conn, actor.user_id, &answer).await?;
        metrics::counter!("billing_advances_total", "what" => "used").increment(1);
        Ok(answer)
    })
    .await
}

/// Adds the payment and moves invoice and advance, whose rows the caller has locked.
async fn pay(
    conn: &mut AsyncPgConnection,
    advance: &Advance,
    invoice: &Invoice,
    amount: Paise,
    user: i64,
) -> Result<Payment, Error> {
    if survivor(conn, advance.patient_id).await? != survivor(conn, invoice.patient_id).await? {
        return Err(Error::AnotherPatients);
    }
    let (paid, status) = invoice.status.after_payment(invoice.totals.total, invoice.amount_paid, amount)?;
    advance.covers(amount)?;
    let now = Utc::now();
    let payment = diesel::insert_into(payments::table)
        .values((
            payments::invoice_id.eq(invoice.id),
            payments::amount.eq(amount),
            payments::method.eq(Method::Advance),
            payments::advance_id.eq(advance.id),
            payments::reference.eq(&advance.voucher_number),
            payments::received_by.eq(user),
            payments::received_at.eq(now),
        ))
        .returning(Payment::as_returning())
        .get_result(conn)
        .await?;
    advance.spend(conn, amount).await?;
    move_invoice(conn, invoice.id, paid, status, now).await?;
    Ok(payment)
}
