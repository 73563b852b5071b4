//! `POST payments/`: money that the hospital has received; by the provider, see [`online`].

use actix_web::{post, web};
use auth::permissions::PaymentTake;
use auth::{Permit, Reach};
use chassis::db;
use chassis::fields::Id;
use chassis::idempotency::{Answer, IdempotencyKey};
use chassis::problem::Problem;
use chassis::strict_json::{Fault, Faults, Strict};
use chassis::text::Line;
use chrono::Utc;
use deserr::Deserr;
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use utoipa::ToSchema;

use super::online::OnlineOrder;
use super::payment::move_invoice;
use super::read::PaymentAnswer;
use super::{Method, Payment, online};
use crate::access::Scope;
use crate::app::App;
use crate::error::Error;
use crate::fields::issued_number_if_given;
use crate::invoices::Invoice;
use crate::money::Paise;
use crate::publish;
use crate::schema::payments;

/// A payment as it is taken.
#[derive(Clone, Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct PaymentInput {
    /// The invoice that it pays.
    pub invoice: Id,
    /// In rupees: more than nothing, at most the balance.
    #[deserr(try_from(Paise) = something -> Fault)]
    pub amount: Paise,
    /// How it came; of a PATIENT, `ONLINE`. Where the hospital has no payment provider, `ONLINE` is 400 with code
    /// `not_offered`. With an advance an invoice is paid by `POST advances/{id}/use/`.
    #[deserr(try_from(Method) = arrives -> Fault)]
    pub method: Method,
    /// The transaction's, cheque's or claim's number.
    #[deserr(default, try_from(Option<String>) = issued_number_if_given::<100> -> Fault)]
    pub reference: Option<Line<100>>,
}

fn arrives(method: Method) -> Result<Method, Fault> {
    match method {
        Method::Advance => Err(Fault::new("not_here", "an advance is used by POST advances/{id}/use/")),
        other => Ok(other),
    }
}

pub(crate) fn something(amount: Paise) -> Result<Paise, Fault> {
    if amount > Paise::ZERO { Ok(amount) } else { Err(Fault::new("too_small", "must be more than 0.00")) }
}

/// Takes a payment. More than the balance is 409, however many arrive at once.
///
/// `Idempotency-Key` is required: sent again with the same key and body, the first answer comes again and nothing is taken
/// twice. `ONLINE` opens an order with the payment provider, shown as `order`, and is PENDING until the provider says that it
/// was paid; a PATIENT pays their own invoices so, and in no other way.
#[utoipa::path(
    tag = "billing",
    request_body = PaymentInput,
    params(("Idempotency-Key" = String, Header, description = "required; the same key and body give the first answer again")),
    responses(
        (status = 201, body = PaymentAnswer, description = "taken, the invoice is PARTIALLY_PAID or PAID; or PENDING at the provider"),
        (status = 400, description = "faults, all at once; no Idempotency-Key; no such invoice; ONLINE where there is no provider"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not, or only ONLINE"),
        (status = 409, description = "more than the balance (`balance` says how much that is), a draft or a cancelled invoice, a closed day, too many pending orders, or the key used for another request"),
        (status = 503, description = "ONLINE, and the provider does not answer"),
    )
)]
#[post("/api/billing/payments/")]
pub async fn take(
    permit: Permit<PaymentTake>,
    key: IdempotencyKey,
    body: Strict<PaymentInput>,
    app: web::Data<App>,
) -> Result<Answer, Problem> {
    key.require()?;
    if body.value.method == Method::Online {
        return online::open(&app, &permit, &key, &body).await;
    }
    if permit.reach != Reach::All {
        return Err(Problem::forbidden(format!("the role {} pays ONLINE only", permit.actor.role)));
    }
    let (actor, scope, input) = (&permit.actor, Scope::of(&permit), &body.value);
    let mut conn = db::get(&app.db).await?;
    conn.transaction(async |conn| {
        if let Some(stored) = key.claim(conn, actor.user_id, &body.digest).await? {
            actor.trail.repeats();
            return Ok(stored.into());
        }
        let invoice = Invoice::lock(conn, scope, input.invoice.get()).await.map_err(in_body)?;
        let payment = pay(conn, &invoice, input, actor.user_id).await?;
        publish::received(conn, &app.outbox, Some(actor), &payment).await?;
        audit::write(conn, &actor.trail, [invoice.patient_id]).await?;
        let answer = taken(payment, None)?;
        key.store(conn, actor.user_id, &answer).await?;
        Ok(answer)
    })
    .await
}

/// What is answered to a payment that was taken, or that an order was opened for.
pub(crate) fn taken(payment: Payment, order: Option<OnlineOrder>) -> Result<Answer, Problem> {
    let location = format!("/api/billing/payments/{}/", payment.id);
    Answer::created(location, payment.version, &PaymentAnswer { payment, order })
}

/// An invoice that the body names and that is not there is a fault of the body.
pub(crate) fn in_body(error: Error) -> Problem {
    match error {
        Error::NoInvoice => Problem::invalid("invoice", "unknown", "there is no such invoice"),
        other => other.into(),
    }
}

/// Adds the payment and moves the invoice, whose row the caller has locked. The database checks both against each other.
async fn pay(
    conn: &mut AsyncPgConnection,
    invoice: &Invoice,
    input: &PaymentInput,
    user: i64,
) -> Result<Payment, Error> {
    let (paid, status) = invoice.status.after_payment(invoice.totals.total, invoice.amount_paid, input.amount)?;
    let now = Utc::now();
    let payment = diesel::insert_into(payments::table)
        .values((
            payments::invoice_id.eq(invoice.id),
            payments::amount.eq(input.amount),
            payments::method.eq(input.method),
            payments::reference.eq(input.reference.as_deref().filter(|reference| !reference.is_empty())),
            payments::received_by.eq(user),
            payments::received_at.eq(now),
        ))
        .returning(Payment::as_returning())
        .get_result(conn)
        .await?;
    move_invoice(conn, invoice.id, paid, status, now).await?;
    Ok(payment)
}
