//! The worker: sends what the outbox holds, applies what the queue brings, says what is overdue, makes documents and takes
//! them to the store, makes reports, asks the payment provider for what no webhook brought, forgets old idempotency keys.

use std::time::Duration;

use chassis::db::{self, Pool};
use chassis::http::{Readiness, serve_worker};
use chassis::{idempotency, shutdown};
use chrono::Utc;
use events::{Outbox, SqsQueues, consumer, relay};
use object_store::Store;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::heard::{Heard, SUBSCRIBER};
use crate::invoices::overdue;
use crate::migrations;
use crate::numbering::day_in_india;
use crate::pdf::kept::{self, Papers};
use crate::pdf::moved;
use crate::razorpay::Razorpay;
use crate::razorpay::reconcile::{self, Reconciler};
use crate::reports::background::make::Maker;
use crate::reports::background::sweep;

const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Documents made before looking again.
const AT_ONCE: i64 = 20;
/// A due date turns at midnight in India; bills are marked within minutes of it.
const MARK_EVERY: Duration = Duration::from_secs(300);
/// Where they could not be marked, such as while the database is away.
const MARK_AGAIN: Duration = Duration::from_secs(15);

/// Runs until told to stop.
///
/// # Errors
/// When the schema is older than needed, or a port is taken.
pub async fn run(config: Config) -> anyhow::Result<()> {
    let pool = db::pool(&config.base.db, "billing-worker")?;
    db::require_migrated(&pool, migrations()).await?;
    let queues = SqsQueues::connect(&config.queues).await;
    let stop = shutdown::token()?;
    let heard = Heard {
        consultation_fee: config.consultation_fee,
        hospital: config.supplier.state,
        rates: config.rates.clone(),
    };
    let store = Store::connect(&config.store).await;
    let papers = Papers::new(config.payee.clone(), store.clone())?;
    let maker = Maker { db: pool.clone(), store: store.clone(), doctor_share: config.doctor_share };
    let provider = config.provider.as_ref().map(Razorpay::new).transpose()?;
    let reconciler = provider.map(|provider| Reconciler { db: pool.clone(), outbox: Outbox::new(), provider });
    tokio::try_join!(
        serve_worker(&config.base, Readiness::of_database(pool.clone()), stop.clone()),
        relay::run(pool.clone(), queues.clone(), stop.clone()),
        consumer::run(pool.clone(), queues, SUBSCRIBER, heard, stop.clone()),
        audit::worker::run(pool.clone(), stop.clone()),
        mark_overdue(pool.clone(), stop.clone()),
        make_papers(pool.clone(), papers, stop.clone()),
        moved::run(pool.clone(), store.clone(), stop.clone()),
        maker.run(stop.clone()),
        sweep::run(pool.clone(), store, config.reports_kept, stop.clone()),
        reconcile::run(reconciler, stop.clone()),
        idempotency::keep_pruned(pool, stop),
    )?;
    Ok(())
}

async fn mark_overdue(pool: Pool, stop: CancellationToken) -> anyhow::Result<()> {
    loop {
        let marked = match pool.get().await {
            Ok(mut conn) => overdue::mark(&mut conn, day_in_india(Utc::now())).await.map_err(anyhow::Error::from),
            Err(error) => Err(error.into()),
        };
        let wait = if marked.is_ok() { MARK_EVERY } else { MARK_AGAIN };
        match marked {
            Ok(0) => {}
            Ok(marked) => {
                metrics::counter!("billing_invoices_overdue_total")
                    .increment(u64::try_from(marked).unwrap_or_default());
                tracing::info!(marked, "invoices are overdue");
            }
            Err(error) => tracing::warn!(error = format!("{error:#}"), "what is overdue is not marked for now"),
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Makes what is asked for and not made yet, until told to stop.
///
/// # Errors
/// Never: what goes wrong is tried again.
pub async fn make_papers(pool: Pool, papers: Papers, stop: CancellationToken) -> anyhow::Result<()> {
    loop {
        let made = make_some(&pool, &papers).await;
        if let Err(error) = &made {
            tracing::warn!(error = format!("{error:#}"), "documents are not made for now");
        }
        let wait = if matches!(made, Ok(AT_ONCE)) { Duration::ZERO } else { LOOK_EVERY };
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Makes some of what is asked for; how many.
async fn make_some(pool: &Pool, papers: &Papers) -> anyhow::Result<i64> {
    let asked = kept::asked_for(&mut *pool.get().await?, AT_ONCE).await?;
    let mut made = 0;
    for (kind, source) in asked {
        match papers.make(pool, kind, source).await {
            Ok(()) => made += 1,
            Err(problem) => {
                tracing::warn!(paper.kind = kind.as_str(), paper.source = source, %problem, "a document cannot be made");
                kept::failed(&mut *pool.get().await?, (kind, source)).await?;
            }
        }
    }
    Ok(made)
}
