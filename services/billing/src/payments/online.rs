//! `POST payments/` with `ONLINE`: an order at the provider, and a payment that waits for it.

use auth::Permit;
use auth::permissions::PaymentTake;
use chassis::db::{self, Conn};
use chassis::idempotency::{Answer, IdempotencyKey};
use chassis::problem::Problem;
use chassis::strict_json::Strict;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::take::{PaymentInput, in_body, taken};
use super::{Method, Payment, PaymentStatus};
use crate::access::Scope;
use crate::app::App;
use crate::error::Error;
use crate::invoices::Invoice;
use crate::money::Paise;
use crate::razorpay::{NewOrder, Razorpay};
use crate::schema::{payments, provider_orders};

/// The provider takes nothing smaller.
const LEAST: Paise = Paise::rupees(1);
/// Orders of one invoice that wait to be paid.
const MOST_PENDING: i64 = 10;
/// The webhook usually comes within seconds; the worker asks when it has not come by then.
const FIRST_CHECK: TimeDelta = TimeDelta::minutes(2);

/// The order that the payer's browser or phone opens the provider's checkout with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OnlineOrder {
    /// Whose checkout.
    #[schema(example = "razorpay")]
    pub provider: &'static str,
    /// The hospital's public key there.
    pub key_id: String,
    /// The order.
    #[schema(example = "order_EKwxwAgItmmXdp")]
    pub order_id: String,
    /// `INR`.
    pub currency: &'static str,
}

impl OnlineOrder {
    fn new(provider: &Razorpay, order_id: String) -> Self {
        Self { provider: "razorpay", key_id: provider.key_id().to_owned(), order_id, currency: "INR" }
    }

    /// The order of a payment.
    pub(super) async fn of(
        conn: &mut AsyncPgConnection,
        provider: &Razorpay,
        payment: i64,
    ) -> QueryResult<Option<Self>> {
        let order: Option<String> =
            provider_orders::table.find(payment).select(provider_orders::order_id).first(conn).await.optional()?;
        Ok(order.map(|order| Self::new(provider, order)))
    }
}

/// Opens an order for the amount and a payment that waits for it. The provider is asked between two transactions: neither a
/// connection nor a lock waits for it. An order that no payment came of is paid by nobody, for nobody learns its id.
pub(super) async fn open(
    app: &App,
    permit: &Permit<PaymentTake>,
    key: &IdempotencyKey,
    body: &Strict<PaymentInput>,
) -> Result<Answer, Problem> {
    let (scope, input) = (Scope::of(permit), &body.value);
    let provider = app.provider.as_ref().ok_or_else(|| {
        Problem::invalid("method", "not_offered", "payment by a provider is not offered by this hospital")
    })?;
    if input.amount < LEAST {
        return Err(Problem::invalid("amount", "too_small", "must be at least 1.00 for ONLINE"));
    }
    let mut conn = db::get(&app.db).await?;
    if let Some(stored) = answered_before(&mut conn, permit, key, body).await? {
        return Ok(stored);
    }
    let (invoice, _) = Invoice::find(&mut conn, scope, input.invoice.get()).await.map_err(in_body)?;
    invoice.status.after_payment(invoice.totals.total, invoice.amount_paid, input.amount)?;
    drop(conn);
    let receipt = Uuid::new_v4().simple().to_string();
    let number = invoice.invoice_number.as_deref().unwrap_or_default();
    let order = provider.open_order(&NewOrder { amount: input.amount, receipt: &receipt, invoice: number }).await?;
    let mut conn = db::get(&app.db).await?;
    keep(&mut conn, permit, key, body, OnlineOrder::new(provider, order)).await
}

/// The answer that was given to this key, if it was; the key stays free otherwise.
async fn answered_before(
    conn: &mut Conn,
    permit: &Permit<PaymentTake>,
    key: &IdempotencyKey,
    body: &Strict<PaymentInput>,
) -> Result<Option<Answer>, Problem> {
    let mut found = None;
    let looked = conn
        .transaction(async |conn| {
            found = key.claim(conn, permit.actor.user_id, &body.digest).await?.map(Answer::from);
            Err::<(), Looked>(Looked::Enough)
        })
        .await;
    match looked {
        Err(Looked::Problem(problem)) => Err(problem),
        _ => {
            found.iter().for_each(|_answer| permit.actor.trail.repeats());
            Ok(found)
        }
    }
}

/// Ends a transaction that was only there to look.
enum Looked {
    Enough,
    Problem(Problem),
}

impl From<Problem> for Looked {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<diesel::result::Error> for Looked {
    fn from(error: diesel::result::Error) -> Self {
        Self::Problem(error.into())
    }
}

async fn keep(
    conn: &mut Conn,
    permit: &Permit<PaymentTake>,
    key: &IdempotencyKey,
    body: &Strict<PaymentInput>,
    order: OnlineOrder,
) -> Result<Answer, Problem> {
    let (actor, input) = (&permit.actor, &body.value);
    conn.transaction(async |conn| {
        if let Some(stored) = key.claim(conn, actor.user_id, &body.digest).await? {
            actor.trail.repeats();
            return Ok(stored.into());
        }
        let invoice = Invoice::lock(conn, Scope::All, input.invoice.get()).await.map_err(in_body)?;
        invoice.status.after_payment(invoice.totals.total, invoice.amount_paid, input.amount)?;
        let payment = insert(conn, &invoice, input, actor.user_id, &order, Utc::now()).await?;
        audit::write(conn, &actor.trail, [invoice.patient_id]).await?;
        let answer = taken(payment, Some(order))?;
        key.store(conn, actor.user_id, &answer).await?;
        Ok(answer)
    })
    .await
}

async fn insert(
    conn: &mut AsyncPgConnection,
    invoice: &Invoice,
    input: &PaymentInput,
    user: i64,
    order: &OnlineOrder,
    now: DateTime<Utc>,
) -> Result<Payment, Error> {
    let waiting = payments::table
        .filter(payments::invoice_id.eq(invoice.id))
        .filter(payments::status.eq(PaymentStatus::Pending))
        .count();
    if waiting.get_result::<i64>(conn).await? >= MOST_PENDING {
        return Err(Error::TooManyPending(MOST_PENDING));
    }
    let payment: Payment = diesel::insert_into(payments::table)
        .values((
            payments::invoice_id.eq(invoice.id),
            payments::amount.eq(input.amount),
            payments::method.eq(Method::Online),
            payments::status.eq(PaymentStatus::Pending),
            payments::reference.eq(input.reference.as_deref().filter(|reference| !reference.is_empty())),
            payments::received_by.eq(user),
            payments::received_at.eq(now),
        ))
        .returning(Payment::as_returning())
        .get_result(conn)
        .await?;
    diesel::insert_into(provider_orders::table)
        .values((
            provider_orders::payment_id.eq(payment.id),
            provider_orders::order_id.eq(&order.order_id),
            provider_orders::opened_at.eq(now),
            provider_orders::check_at.eq(now + FIRST_CHECK),
        ))
        .execute(conn)
        .await?;
    Ok(payment)
}
