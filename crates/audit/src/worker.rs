//! What a service's worker does for the audit.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use chassis::db::Pool;
use diesel::dsl::sql;
use diesel::sql_types::Integer;
use diesel_async::{AsyncConnection, RunQueryDsl, SimpleAsyncConnection};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::chain::hex;
use crate::link::{Head, Linked, MOST_ROWS, link};

/// Pause unless a link was full: one link for many rows costs what one for a few costs, and each is a commit.
const PAUSE: Duration = Duration::from_millis(500);
/// How long rows wait until they are filed by their patients. The same patients are shown again and again, and however many lists
/// showed one of them, it is one place of the index that changes: the seldomer, the less work, and the fewer answers wait for it.
const FILED_AFTER: Duration = Duration::from_secs(300);
/// They are filed before that when so many places of the index are waited for: some 45 MB, which whoever looks for a patient's rows
/// reads besides. At 64 MB a request would have to file them.
const FULL: usize = 1_200_000;
/// How long filing may take: longer than what somebody waits for. Cut off, it would begin anew, with more to do.
const FILED_WITHIN: Duration = Duration::from_secs(120);
/// How often the head goes to the log, and months are looked after.
const HOUSEKEEPING: Duration = Duration::from_secs(60);

/// Links rows and files them by their patients, says the head to the log once a minute, and makes the coming months' partitions,
/// until `stop` is cancelled.
///
/// # Errors
/// Never; what fails is tried again.
pub async fn run(pool: Pool, stop: CancellationToken) -> anyhow::Result<()> {
    let waiting = Waiting::default();
    tokio::join!(link_all(&pool, &waiting, &stop), file_all(&pool, &waiting, &stop));
    Ok(())
}

/// Places in the index that rows wait for, as far as this worker linked them.
#[derive(Default)]
struct Waiting {
    places: AtomicUsize,
    full: Notify,
}

impl Waiting {
    fn add(&self, places: usize) {
        if self.places.fetch_add(places, Relaxed).saturating_add(places) >= FULL {
            self.full.notify_one();
        }
    }
}

async fn link_all(pool: &Pool, waiting: &Waiting, stop: &CancellationToken) {
    let mut due = Instant::now();
    while !stop.is_cancelled() {
        if Instant::now() >= due {
            due = due.checked_add(HOUSEKEEPING).unwrap_or(due);
            if let Err(fault) = Box::pin(keep_house(pool)).await {
                tracing::warn!(fault = format!("{fault:#}"), "the audit's housekeeping waits for the next minute");
            }
        }
        match Box::pin(link_once(pool)).await {
            Ok(linked) => {
                waiting.add(linked.places);
                if linked.rows >= MOST_ROWS {
                    continue;
                }
            }
            Err(fault) => tracing::warn!(fault = format!("{fault:#}"), "audit rows are not linked yet"),
        }
        let _ = stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
    }
}

/// What was written of many patients gets its places in the index here, and not while a request waits for its row.
async fn file_all(pool: &Pool, waiting: &Waiting, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        waiting.places.store(0, Relaxed);
        if let Some(Err(fault)) = stop.run_until_cancelled(Box::pin(file(pool))).await {
            tracing::warn!(fault = format!("{fault:#}"), "audit rows are not filed by their patients yet");
        }
        let _ = stop.run_until_cancelled(timeout(FILED_AFTER, waiting.full.notified())).await;
    }
}

async fn link_once(pool: &Pool) -> anyhow::Result<Linked> {
    let mut conn = pool.get().await?;
    Ok(link(&mut conn).await?)
}

async fn file(pool: &Pool) -> anyhow::Result<()> {
    let mut conn = pool.get().await?;
    conn.transaction(async |conn| {
        conn.batch_execute(&format!("SET LOCAL statement_timeout = {}", FILED_WITHIN.as_millis())).await?;
        diesel::sql_query("SELECT audit_file_patients()").execute(conn).await
    })
    .await?;
    Ok(())
}

async fn keep_house(pool: &Pool) -> anyhow::Result<()> {
    let mut conn = pool.get().await?;
    let made: i32 = diesel::select(sql::<Integer>("audit_make_partitions(3)")).get_result(&mut conn).await?;
    let head = Head::find(&mut conn).await?;
    tracing::info!(seq = head.seq, hash = hex(&head.hash), months_made = made, "audit chain head");
    Ok(())
}
