//! Group commit: requests that wait together share one commit.
//!
//! One thread per process takes what waits in a bounded queue, writes it by one statement, and tells those who wait. While
//! it writes, the next ones gather.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::StatusCode;
use actix_web::web;
use anyhow::Context;
use chassis::db::Pool;
use chassis::problem::Problem;
use chassis::trail::{Trail, Witness};
use futures_util::future::{self, BoxFuture};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::routes::AuditLog;
use crate::row::{NewRow, Outcome};
use crate::write::insert;

/// Rows that may wait; who comes after is answered 503.
const QUEUE: usize = 2048;
/// Rows of one commit at most.
const BATCH: usize = 512;
/// How long an answer waits for its row.
const PATIENCE: Duration = Duration::from_secs(2);

/// Writes audit rows for the requests of a process. Cheap to clone.
#[derive(Clone)]
pub struct Recorder {
    queue: Option<mpsc::Sender<Waiting>>,
}

struct Waiting {
    row: NewRow,
    written: oneshot::Sender<bool>,
}

impl Recorder {
    /// Starts the thread; it ends with the last clone. `pool` should be its own, so that it never waits for requests'.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(pool: Pool) -> anyhow::Result<Self> {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new()
            .name("audit".to_owned())
            .spawn(move || runtime.block_on(run(pool, waiting)))
            .context("no thread for the audit")?;
        Ok(Self { queue: Some(queue) })
    }

    /// Writes nothing: to measure what writing costs, in a demonstration only.
    pub fn off() -> Self {
        Self { queue: None }
    }

    /// Puts into a service's state what audits it, and what its `audit/` reads.
    pub fn install(&self, config: &mut ServiceConfig<'_>, log: AuditLog) {
        let witness: Arc<dyn Witness> = Arc::new(self.clone());
        config.app_data(witness).app_data(web::Data::new(log));
    }

    /// Writes down what the trail says; durable when it returns.
    ///
    /// # Errors
    /// 503 when it cannot be written in time.
    pub async fn record(&self, trail: &Trail, outcome: Outcome) -> Result<(), Problem> {
        let Some(queue) = &self.queue else { return Ok(()) };
        let (written, told) = oneshot::channel();
        let waiting = Waiting { row: NewRow::of(trail, outcome), written };
        let told = timeout(PATIENCE, async {
            queue.send(waiting).await.ok()?;
            told.await.ok().filter(|written| *written)
        });
        match told.await {
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err(unavailable("it could not be written")),
            Err(late) => Err(unavailable(late)),
        }
    }

    /// Writes down what the trail says while the answer is made, where that takes long enough to be worth it; durable when it
    /// returns.
    ///
    /// # Errors
    /// As [`record`](Self::record), or what `make` fails with.
    pub async fn record_meanwhile<T>(
        &self,
        trail: &Trail,
        make: impl FnOnce() -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        // the first of the two is begun first: the row is under way before anything is made
        let (recorded, made) = future::join(self.record(trail, Outcome::Success), async { make() }).await;
        recorded?;
        trail.is_written();
        made
    }

    /// Writes down that a part of the answer shows these patients, before that part leaves: of an answer that is written as it
    /// is read.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    pub async fn record_part(&self, trail: &Trail, patients: impl IntoIterator<Item = i64>) -> Result<(), Problem> {
        let part = Trail::of_facts(trail.facts().clone());
        part.follows(trail);
        part.shows(patients);
        if part.noted().patients.is_some_and(|patients| patients.is_empty()) {
            return Ok(());
        }
        self.record(&part, Outcome::Success).await
    }

    /// Writes it down when there is room, and nobody waits: of what failed anyway.
    fn record_later(&self, trail: &Trail) {
        let (written, _nobody) = oneshot::channel();
        let waiting = Waiting { row: NewRow::of(trail, Outcome::Failed), written };
        if self.queue.as_ref().is_some_and(|queue| queue.try_send(waiting).is_err()) {
            metrics::counter!("audit_lost_failures_total").increment(1);
        }
    }
}

fn unavailable(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Problem {
    metrics::counter!("audit_unavailable_total").increment(1);
    Problem::unavailable("the audit log", cause)
}

impl Witness for Recorder {
    fn before_answer<'a>(&'a self, trail: &'a Trail, status: StatusCode) -> BoxFuture<'a, Result<(), Problem>> {
        Box::pin(async move {
            if status.is_server_error() {
                self.record_later(trail);
                return Ok(());
            }
            let (outcome, noted) = (Outcome::of(status), trail.noted());
            if outcome != Outcome::Success {
                return self.record(trail, outcome).await;
            }
            if noted.written {
                return Ok(());
            }
            if noted.concerns_patients && noted.patients.is_none() {
                self.record_later(trail);
                let fault = format!("{} does not say whose records it shows: trail.shows(…)", trail.facts().operation);
                return Err(Problem::internal(fault));
            }
            self.record(trail, outcome).await
        })
    }
}

async fn run(pool: Pool, mut waiting: mpsc::Receiver<Waiting>) {
    let mut batch = Vec::with_capacity(BATCH);
    while waiting.recv_many(&mut batch, BATCH).await > 0 {
        let (rows, told): (Vec<_>, Vec<_>) = batch.drain(..).map(|one| (one.row, one.written)).unzip();
        let begun = Instant::now();
        let written = write_batch(&pool, &rows).await;
        count(rows.len(), begun.elapsed(), written.is_ok());
        if let Err(fault) = &written {
            tracing::error!(fault = format!("{fault:#}"), rows = rows.len(), "audit rows could not be written");
        }
        for one in told {
            // Who gave up waiting does not listen.
            let _ = one.send(written.is_ok());
        }
    }
}

fn count(rows: usize, took: Duration, written: bool) {
    let rows = u32::try_from(rows).unwrap_or(u32::MAX);
    if written {
        metrics::counter!("audit_rows_total").increment(rows.into());
        metrics::histogram!("audit_commit_rows").record(f64::from(rows));
        metrics::histogram!("audit_commit_duration_seconds").record(took.as_secs_f64());
    } else {
        metrics::counter!("audit_failed_rows_total").increment(rows.into());
    }
}

async fn write_batch(pool: &Pool, rows: &[NewRow]) -> anyhow::Result<()> {
    let mut conn = pool.get().await?;
    timeout(PATIENCE, insert(&mut conn, rows)).await.context("too slow")??;
    Ok(())
}
