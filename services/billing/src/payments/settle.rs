//! What the provider's word does to a payment, whether a webhook brings it or the worker asked for it.
//!
//! The word may come twice, late, or out of order: a payment is settled once, whatever comes after.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use events::Outbox;

use super::payment::move_invoice;
use super::refund::Grant;
use super::{Payment, PaymentStatus, Refund, RefundStatus};
use crate::error::Error;
use crate::invoices::Invoice;
use crate::money::Paise;
use crate::publish;
use crate::schema::{payments, provider_orders, provider_refunds, refunds};

/// The provider has the payer's money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    /// The provider's order.
    pub order: String,
    /// The provider's payment.
    pub payment: String,
    /// How much.
    pub amount: Paise,
    /// Of which currency.
    pub currency: String,
}

/// What came of the provider's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The payment is completed, of this patient.
    Completed(i64),
    /// Nothing was owed any more: it goes back to the payer, of this patient's invoice.
    Returned(i64),
    /// A refund was sent, of this patient's.
    RefundSent(i64),
    /// A refund could not be sent and will be tried again, of this patient's.
    RefundFailed(i64),
    /// It was known.
    Known,
    /// It is about nothing of ours.
    Foreign,
    /// It is about an order of ours, but not what was ordered.
    Mismatch,
}

impl Settled {
    /// For the metric.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed(_) => "completed",
            Self::Returned(_) => "returned",
            Self::RefundSent(_) => "refund_sent",
            Self::RefundFailed(_) => "refund_failed",
            Self::Known => "known",
            Self::Foreign => "foreign",
            Self::Mismatch => "mismatch",
        }
    }

    /// Whose records were changed.
    pub const fn patient(self) -> Option<i64> {
        match self {
            Self::Completed(patient)
            | Self::Returned(patient)
            | Self::RefundSent(patient)
            | Self::RefundFailed(patient) => Some(patient),
            Self::Known | Self::Foreign | Self::Mismatch => None,
        }
    }
}

/// Completes the payment that waits for this order, in the caller's transaction; or has it sent back, where the invoice owes
/// nothing like it any more.
///
/// # Errors
/// From the database.
pub async fn captured(
    conn: &mut AsyncPgConnection,
    outbox: &Outbox,
    word: &Captured,
    now: DateTime<Utc>,
) -> Result<Settled, Error> {
    let ours: Option<i64> = provider_orders::table
        .filter(provider_orders::order_id.eq(&word.order))
        .select(provider_orders::payment_id)
        .first(conn)
        .await
        .optional()?;
    let Some(id) = ours else { return Ok(Settled::Foreign) };
    let (payment, invoice) = Payment::lock(conn, id).await?;
    if word.amount != payment.amount || word.currency != "INR" {
        return Ok(Settled::Mismatch);
    }
    if !matches!(payment.status, PaymentStatus::Pending | PaymentStatus::Failed) {
        return Ok(paid_by(conn, payment.id).await?.map_or(Settled::Mismatch, |by| match by == word.payment {
            true => Settled::Known,
            false => Settled::Mismatch,
        }));
    }
    diesel::update(provider_orders::table.find(payment.id))
        .set((
            provider_orders::provider_payment_id.eq(&word.payment),
            provider_orders::check_at.eq(None::<DateTime<Utc>>),
        ))
        .execute(conn)
        .await?;
    match invoice.status.after_payment(invoice.totals.total, invoice.amount_paid, payment.amount) {
        Ok((paid, status)) => {
            let payment = settle(conn, &payment, PaymentStatus::Completed, now).await?;
            move_invoice(conn, invoice.id, paid, status, now).await?;
            publish::received(conn, outbox, None, &payment).await?;
            Ok(Settled::Completed(invoice.patient_id))
        }
        Err(Error::Overpaid { .. } | Error::TakesNoPayment(_)) => {
            let payment = settle(conn, &payment, PaymentStatus::Returned, now).await?;
            let reason = "the invoice owed less when the payment came";
            Refund::insert(conn, &payment, Grant { amount: payment.amount, reason, by: None, at: now }).await?;
            Ok(Settled::Returned(invoice.patient_id))
        }
        Err(other) => Err(other),
    }
}

async fn paid_by(conn: &mut AsyncPgConnection, payment: i64) -> QueryResult<Option<String>> {
    provider_orders::table.find(payment).select(provider_orders::provider_payment_id).first(conn).await
}

async fn settle(
    conn: &mut AsyncPgConnection,
    payment: &Payment,
    status: PaymentStatus,
    now: DateTime<Utc>,
) -> QueryResult<Payment> {
    diesel::update(payments::table.find(payment.id))
        .set((payments::status.eq(status), payments::received_at.eq(now), payments::version.eq(payments::version + 1)))
        .returning(Payment::as_returning())
        .get_result(conn)
        .await
}

/// Gives up on an order that nobody paid. Should it be paid all the same, the payment is still completed.
///
/// # Errors
/// From the database.
pub async fn given_up(conn: &mut AsyncPgConnection, payment: i64) -> Result<Settled, Error> {
    let (payment, invoice) = Payment::lock(conn, payment).await?;
    if payment.status != PaymentStatus::Pending {
        return Ok(Settled::Known);
    }
    diesel::update(payments::table.find(payment.id))
        .set((payments::status.eq(PaymentStatus::Failed), payments::version.eq(payments::version + 1)))
        .execute(conn)
        .await?;
    diesel::update(provider_orders::table.find(payment.id))
        .set(provider_orders::check_at.eq(None::<DateTime<Utc>>))
        .execute(conn)
        .await?;
    tracing::info!(payment.id = payment.id, invoice.id = invoice.id, "an order was not paid in time");
    Ok(Settled::Known)
}

/// The provider says how a refund of ours went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundWord {
    /// Our refund, and how often it had failed when this one was asked for.
    pub refund: i64,
    /// How often it had failed then.
    pub failures: i32,
    /// The provider's payment that it takes from.
    pub payment: String,
    /// The provider's refund.
    pub provider_refund: String,
    /// How much.
    pub amount: Paise,
}

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Went {
    /// It was sent.
    Sent,
    /// It is on its way.
    Underway,
    /// It could not be sent.
    Failed,
}

/// Notes how a refund went, in the caller's transaction. What could not be sent is asked for again at `again`.
///
/// # Errors
/// From the database.
pub async fn refund_went(
    conn: &mut AsyncPgConnection,
    word: &RefundWord,
    went: Went,
    now: DateTime<Utc>,
    again: DateTime<Utc>,
) -> Result<Settled, Error> {
    let known: Option<(i64, RefundStatus, Paise, i32)> = refunds::table
        .inner_join(provider_refunds::table)
        .filter(refunds::id.eq(word.refund))
        .for_update()
        .select((refunds::payment_id, refunds::status, refunds::amount, provider_refunds::failures))
        .first(conn)
        .await
        .optional()?;
    let Some((payment, status, amount, failures)) = known else { return Ok(Settled::Foreign) };
    // receipts are our own and another system's may be the same: only the payment tells whose it is
    if paid_by(conn, payment).await?.as_deref() != Some(word.payment.as_str()) {
        return Ok(Settled::Foreign);
    }
    if amount != word.amount {
        return Ok(Settled::Mismatch);
    }
    if status == RefundStatus::Completed || (went != Went::Sent && failures != word.failures) {
        return Ok(Settled::Known);
    }
    let (asked, failures, try_at) = match went {
        Went::Sent => (Some(word.provider_refund.as_str()), failures, None),
        Went::Underway => (Some(word.provider_refund.as_str()), failures, Some(again)),
        Went::Failed => (None, failures + 1, Some(again)),
    };
    diesel::update(provider_refunds::table.find(word.refund))
        .set((
            provider_refunds::provider_refund_id.eq(asked),
            provider_refunds::failures.eq(failures),
            provider_refunds::try_at.eq(try_at),
        ))
        .execute(conn)
        .await?;
    let patient = patient_of(conn, payment).await?;
    match went {
        Went::Underway => Ok(Settled::Known),
        Went::Failed => Ok(Settled::RefundFailed(patient)),
        Went::Sent => {
            diesel::update(refunds::table.find(word.refund))
                .set((refunds::status.eq(RefundStatus::Completed), refunds::sent_at.eq(now)))
                .execute(conn)
                .await?;
            Ok(Settled::RefundSent(patient))
        }
    }
}

async fn patient_of(conn: &mut AsyncPgConnection, payment: i64) -> Result<i64, Error> {
    let (_, invoice): (Payment, Invoice) = Payment::find(conn, crate::access::Scope::All, payment).await?;
    Ok(invoice.patient_id)
}
