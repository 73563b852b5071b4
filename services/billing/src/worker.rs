//! The worker: sends what the outbox holds, applies what the queue brings, asks the payment provider for what no webhook
//! brought, forgets old idempotency keys.

use std::time::Duration;

use chassis::db::{self, Pool};
use chassis::http::{Readiness, serve_worker};
use chassis::{idempotency, shutdown};
use events::{Outbox, SqsQueues, consumer, relay};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::heard::{Heard, SUBSCRIBER};
use crate::migrations;
use crate::razorpay::Razorpay;
use crate::razorpay::reconcile::{self, Reconciler};

const PRUNE_EVERY: Duration = Duration::from_secs(3600);

/// Runs until told to stop.
///
/// # Errors
/// When the schema is older than needed, or a port is taken.
pub async fn run(config: Config) -> anyhow::Result<()> {
    let pool = db::pool(&config.base.db, "billing-worker")?;
    db::require_migrated(&pool, migrations()).await?;
    let queues = SqsQueues::connect(&config.queues).await;
    let stop = shutdown::token()?;
    let heard = Heard { consultation_fee: config.consultation_fee, hospital: config.supplier.state };
    let provider = config.provider.as_ref().map(Razorpay::new).transpose()?;
    let reconciler = provider.map(|provider| Reconciler { db: pool.clone(), outbox: Outbox::new(), provider });
    tokio::try_join!(
        serve_worker(&config.base, Readiness::of_database(pool.clone()), stop.clone()),
        relay::run(pool.clone(), queues.clone(), stop.clone()),
        consumer::run(pool.clone(), queues, SUBSCRIBER, heard, stop.clone()),
        audit::worker::run(pool.clone(), stop.clone()),
        reconcile::run(reconciler, stop.clone()),
        prune(pool, stop),
    )?;
    Ok(())
}

async fn prune(pool: Pool, stop: CancellationToken) -> anyhow::Result<()> {
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(PRUNE_EVERY) => {}
        }
        let pruned = match pool.get().await {
            Ok(mut conn) => idempotency::prune(&mut conn).await.map_err(anyhow::Error::from),
            Err(error) => Err(error.into()),
        };
        if let Err(error) = pruned {
            tracing::warn!(error = format!("{error:#}"), "old idempotency keys stay for now");
        }
    }
}
