//! What the worker does: loops, and how often.

use chassis::db::Pool;
use chassis::{http, idempotency};
use events::SqsQueues;
use object_store::Store;
use tokio_util::sync::CancellationToken;

use crate::config::WorkerConfig;
use crate::documents::inspection::Inspector;
use crate::documents::inspection::bench::Bench;
use crate::documents::sweep;
use crate::events::{Heard, SUBSCRIBER};
use crate::hl7_import::receive::Desk;
use crate::hl7_import::{backlog, mllp};
use crate::search::filing;

/// Runs until `stop` is cancelled: relays what this service tells, applies what it hears, inspects documents and sweeps
/// after broken uploads, files what search has to find, takes HL7 messages over MLLP and applies those that were left, forgets
/// old answers.
///
/// # Errors
/// When one of the loops cannot go on; the others are then stopped.
pub async fn run(config: &WorkerConfig, pool: Pool, stop: CancellationToken) -> anyhow::Result<()> {
    let queues = SqsQueues::connect(&config.queues).await;
    let store = Store::connect(&config.store).await;
    let inspector = Inspector {
        store: store.clone(),
        scanner: config.scanner.clone(),
        types: config.types.clone(),
        bench: Bench::of(std::env::current_exe()?),
    };
    let desk = Desk { db: pool.clone(), outbox: events::Outbox::new(), time_zone: config.base.time_zone };
    let _guard = stop.clone().drop_guard();
    tokio::try_join!(
        http::serve_worker(&config.base, http::Readiness::of_database(pool.clone()), stop.clone()),
        events::relay::run(pool.clone(), queues.clone(), stop.clone()),
        events::consumer::run(pool.clone(), queues, SUBSCRIBER, Heard, stop.clone()),
        audit::worker::run(pool.clone(), stop.clone()),
        inspector.run(pool.clone(), stop.clone()),
        sweep::run(pool.clone(), store, stop.clone()),
        filing::run(pool.clone(), stop.clone()),
        take_messages(config, desk.clone(), stop.clone()),
        backlog::run(desk, stop.clone()),
        idempotency::keep_pruned(pool, stop),
    )?;
    Ok(())
}

async fn take_messages(config: &WorkerConfig, desk: Desk, stop: CancellationToken) -> anyhow::Result<()> {
    let Some(mllp) = config.mllp.clone() else { return Ok(()) };
    let (listener, recorder) = (http::bind(mllp.listen)?, audit::config::recorder(&config.base, "patients worker")?);
    mllp::run(listener, mllp, desk, recorder, stop).await
}
