//! The worker's part: it asks for what no webhook brought, has refunds sent, and forgets old events.
//!
//! Several workers may be at it. What one has taken up is left to it for longer than the provider may take; a refund is asked
//! for only by who still holds it, when the provider does not show it yet, and under a key by which it sends it once.

use std::time::Duration;

use chassis::db::Pool;
use chassis::trail::{Facts, Trail};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Nullable, Text, Timestamptz};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use events::Outbox;
use tokio_util::sync::CancellationToken;

use super::Razorpay;
use super::client::{NewRefund, PaymentEntity, RefundEntity};
use super::event::{receipt, word_of};
use super::webhook::OLDEST;
use crate::error::Error;
use crate::money::Paise;
use crate::payments::settle::{self, Settled, Went};

/// How often the worker looks.
const EVERY: Duration = Duration::from_secs(5);
/// The most of either kind that it takes up at a time.
const BATCH: usize = 20;
/// An order that nobody paid within this, or is about to, is given up.
const GIVE_UP: TimeDelta = TimeDelta::days(1);

/// What the worker needs.
#[derive(Clone)]
pub struct Reconciler {
    /// PostgreSQL.
    pub db: Pool,
    /// Where events are written.
    pub outbox: Outbox,
    /// The provider.
    pub provider: Razorpay,
}

/// Runs until told to stop; does nothing where there is no provider.
///
/// # Errors
/// None: what fails is tried again.
pub async fn run(reconciler: Option<Reconciler>, stop: CancellationToken) -> anyhow::Result<()> {
    let Some(reconciler) = reconciler else {
        stop.cancelled().await;
        return Ok(());
    };
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(EVERY) => {}
        }
        if let Err(error) = reconciler.once(Utc::now).await {
            tracing::warn!(error = format!("{error:#}"), "the provider's payments are not reconciled for now");
        }
    }
}

#[derive(QueryableByName)]
struct DueOrder {
    #[diesel(sql_type = BigInt)]
    payment_id: i64,
    #[diesel(sql_type = Text)]
    order_id: String,
    #[diesel(sql_type = Timestamptz)]
    opened_at: DateTime<Utc>,
}

#[derive(QueryableByName)]
struct DueRefund {
    #[diesel(sql_type = BigInt)]
    refund_id: i64,
    #[diesel(sql_type = BigInt)]
    amount: Paise,
    #[diesel(sql_type = Text)]
    provider_payment_id: String,
    #[diesel(sql_type = Nullable<Text>)]
    provider_refund_id: Option<String>,
    #[diesel(sql_type = Integer)]
    failures: i32,
    #[diesel(sql_type = Integer)]
    attempts: i32,
}

impl Reconciler {
    /// Looks at what is due, one after the other, by the clock: to ask for what came before may have taken minutes.
    ///
    /// # Errors
    /// From the database. What the provider does not answer is left for the next time.
    pub async fn once(&self, clock: impl Fn() -> DateTime<Utc>) -> anyhow::Result<()> {
        for _ in 0..BATCH {
            let Some(order) = self.due_order(clock()).await? else { break };
            if let Err(error) = self.ask(&order, clock()).await {
                tracing::warn!(payment.id = order.payment_id, error = format!("{error:#}"), "asked again later");
            }
        }
        for _ in 0..BATCH {
            let Some(refund) = self.due_refund(clock()).await? else { break };
            if let Err(error) = self.send(&refund, &clock).await {
                tracing::warn!(refund.id = refund.refund_id, error = format!("{error:#}"), "sent later");
            }
        }
        self.measure_and_forget(clock()).await
    }

    /// Takes an order up; another worker meanwhile takes another one. It comes again later in any case, the older the later.
    async fn due_order(&self, now: DateTime<Utc>) -> anyhow::Result<Option<DueOrder>> {
        let mut conn = self.db.get().await?;
        let due = diesel::sql_query(
            "UPDATE provider_orders SET check_at = $1 + least(greatest($1 - opened_at, interval '2 minutes'), interval '1 hour') \
             WHERE payment_id = (SELECT payment_id FROM provider_orders WHERE check_at <= $1 ORDER BY check_at LIMIT 1 \
                                 FOR UPDATE SKIP LOCKED) \
             RETURNING payment_id, order_id, opened_at",
        );
        Ok(due.bind::<Timestamptz, _>(now).get_result(&mut conn).await.optional()?)
    }

    async fn ask(&self, order: &DueOrder, now: DateTime<Utc>) -> anyhow::Result<()> {
        let payments = self.provider.payments_of(&order.order_id).await?;
        let is_promised = payments.iter().any(PaymentEntity::is_promised);
        let captured = payments.into_iter().find_map(PaymentEntity::captured);
        let mut conn = self.db.get().await?;
        let settled = conn
            .transaction(async |conn| match &captured {
                Some(word) => {
                    let settled = settle::captured(conn, &self.outbox, word, now).await?;
                    write_down(conn, settled, "payments", order.payment_id).await?;
                    Ok(settled)
                }
                None if !is_promised && now - order.opened_at >= GIVE_UP => {
                    settle::given_up(conn, order.payment_id).await
                }
                None => Ok::<_, Error>(Settled::Known),
            })
            .await?;
        count(settled);
        Ok(())
    }

    /// Takes a refund up. It comes again later in any case, but not while somebody may still be asking for it.
    async fn due_refund(&self, now: DateTime<Utc>) -> anyhow::Result<Option<DueRefund>> {
        let mut conn = self.db.get().await?;
        let due = diesel::sql_query(
            "UPDATE provider_refunds p SET attempts = attempts + 1, \
                    try_at = $1 + least(interval '2 minutes' * power(2, least(p.attempts, 5)), interval '1 hour') \
             FROM refunds r JOIN provider_orders o ON o.payment_id = r.payment_id \
             WHERE r.id = p.refund_id AND p.refund_id = (SELECT refund_id FROM provider_refunds WHERE try_at <= $1 \
                   ORDER BY try_at LIMIT 1 FOR UPDATE SKIP LOCKED) \
             RETURNING p.refund_id, r.amount, o.provider_payment_id, p.provider_refund_id, p.failures, p.attempts",
        );
        Ok(due.bind::<Timestamptz, _>(now).get_result(&mut conn).await.optional()?)
    }

    /// Asks how a refund goes, or for it where the provider does not show it: an answer may have been lost, and that of another
    /// worker too.
    async fn send(&self, due: &DueRefund, clock: &impl Fn() -> DateTime<Utc>) -> anyhow::Result<()> {
        let receipt = receipt(due.refund_id, due.failures);
        let refund = match self.known(due, &receipt).await? {
            Some(refund) => refund,
            None if self.still_holds(due, clock()).await? => {
                let payment = due.provider_payment_id.as_str();
                self.provider.refund(&NewRefund { payment, amount: due.amount, receipt: &receipt }).await?
            }
            None => return Ok(()),
        };
        let now = clock();
        let went = match refund.status.as_str() {
            "processed" => Went::Sent,
            "failed" => Went::Failed,
            _ => Went::Underway,
        };
        let word = word_of(refund).ok_or_else(|| anyhow::anyhow!("the provider shows a refund of another receipt"))?;
        let mut conn = self.db.get().await?;
        let settled = conn
            .transaction(async |conn| {
                let settled = settle::refund_went(conn, &word, went, now, refund_again(now, due.attempts)).await?;
                write_down(conn, settled, "refunds", due.refund_id).await?;
                Ok::<_, Error>(settled)
            })
            .await?;
        count(settled);
        Ok(())
    }

    async fn known(&self, due: &DueRefund, receipt: &str) -> anyhow::Result<Option<RefundEntity>> {
        let is_it = |refund: &RefundEntity| {
            refund.receipt.as_deref() == Some(receipt) || due.provider_refund_id.as_deref() == Some(refund.id.as_str())
        };
        Ok(self.provider.find_refund(&due.provider_payment_id, is_it).await?)
    }

    /// Whether nobody else took the refund up, or settled it, while the provider was looked at; and keeps others from it for the
    /// time of one more call, which is at most half a minute.
    async fn still_holds(&self, due: &DueRefund, now: DateTime<Utc>) -> anyhow::Result<bool> {
        let mut conn = self.db.get().await?;
        let held = diesel::sql_query(
            "UPDATE provider_refunds SET try_at = greatest(try_at, $1 + interval '2 minutes') \
             WHERE refund_id = $2 AND attempts = $3 AND failures = $4 AND try_at IS NOT NULL",
        );
        let held = held.bind::<Timestamptz, _>(now).bind::<BigInt, _>(due.refund_id);
        Ok(held.bind::<Integer, _>(due.attempts).bind::<Integer, _>(due.failures).execute(&mut conn).await? == 1)
    }

    async fn measure_and_forget(&self, now: DateTime<Utc>) -> anyhow::Result<()> {
        #[derive(QueryableByName)]
        struct Waiting {
            #[diesel(sql_type = BigInt)]
            orders: i64,
            #[diesel(sql_type = BigInt)]
            refunds: i64,
        }
        let mut conn = self.db.get().await?;
        let waiting: Waiting = diesel::sql_query(
            "SELECT (SELECT count(*) FROM provider_orders WHERE check_at IS NOT NULL) AS orders, \
             (SELECT count(*) FROM provider_refunds WHERE try_at IS NOT NULL) AS refunds",
        )
        .get_result(&mut conn)
        .await?;
        for (what, number) in [("orders", waiting.orders), ("refunds", waiting.refunds)] {
            let number = f64::from(i32::try_from(number).unwrap_or(i32::MAX));
            metrics::gauge!("billing_provider_waiting", "what" => what).set(number);
        }
        // by their places: to find a thousand ids again, PostgreSQL would read the whole table
        diesel::sql_query(
            "DELETE FROM provider_events WHERE ctid = ANY (ARRAY(SELECT ctid FROM provider_events \
             WHERE received_at < $1 ORDER BY received_at LIMIT 1000 FOR UPDATE SKIP LOCKED))",
        )
        .bind::<Timestamptz, _>(now - OLDEST - OLDEST)
        .execute(&mut conn)
        .await?;
        Ok(())
    }
}

/// When a refund that did not go through is asked for again.
pub fn refund_again(now: DateTime<Utc>, attempts: i32) -> DateTime<Utc> {
    let minutes = 2_i64.saturating_pow(u32::try_from(attempts.clamp(0, 6)).unwrap_or_default());
    now + TimeDelta::minutes(minutes.min(60))
}

/// Nobody asked for it: the audit learns what the worker did, and whose record it was.
async fn write_down(conn: &mut AsyncPgConnection, settled: Settled, what: &str, id: i64) -> QueryResult<()> {
    let Some(patient) = settled.patient() else { return Ok(()) };
    let operation = format!("provider reconciliation: {}", settled.as_str());
    let trail = Trail::of_facts(Facts { operation, object: format!("{what} {id}"), ..Facts::default() });
    audit::write(conn, &trail, [patient]).await
}

fn count(settled: Settled) {
    metrics::counter!("billing_provider_reconciled_total", "outcome" => settled.as_str()).increment(1);
    if settled == Settled::Mismatch {
        tracing::error!("the provider shows a payment that is not what was ordered");
    }
}
