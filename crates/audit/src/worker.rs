//! What a service's worker does for the audit.

use std::time::Duration;

use chassis::db::Pool;
use chassis::prepared::Prepare as _;
use diesel::dsl::sql;
use diesel::sql_types::{BigInt, Integer};
use diesel_async::RunQueryDsl;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::chain::hex;
use crate::link::{Head, MOST_ROWS, link};

/// Pause unless a link was full: one link for many rows costs what one for a few costs, and each is a commit.
const PAUSE: Duration = Duration::from_millis(500);
/// Pause before more is filed where something was. Each entry of the index is a change somewhere else, and the next commit waits until
/// the disk has them all: of half a second of lists and schedules that is several megabytes.
const BETWEEN_BITES: Duration = Duration::from_millis(20);
/// How often the head goes to the log, and months are looked after.
const HOUSEKEEPING: Duration = Duration::from_secs(60);

/// Links rows and files them by their patients, says the head to the log once a minute, and makes the coming months' partitions,
/// until `stop` is cancelled.
///
/// # Errors
/// Never; what fails is tried again.
pub async fn run(pool: Pool, stop: CancellationToken) -> anyhow::Result<()> {
    tokio::join!(link_all(&pool, &stop), file_all(&pool, &stop));
    Ok(())
}

async fn link_all(pool: &Pool, stop: &CancellationToken) {
    let mut due = Instant::now();
    while !stop.is_cancelled() {
        if Instant::now() >= due {
            due = due.checked_add(HOUSEKEEPING).unwrap_or(due);
            if let Err(fault) = Box::pin(keep_house(pool)).await {
                tracing::warn!(fault = format!("{fault:#}"), "the audit's housekeeping waits for the next minute");
            }
        }
        match Box::pin(link_once(pool)).await {
            Ok(rows) if rows >= MOST_ROWS => continue,
            Ok(_) => {}
            Err(fault) => tracing::warn!(fault = format!("{fault:#}"), "audit rows are not linked yet"),
        }
        let _ = stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
    }
}

/// What was written of many patients gets its places in the index here, and not while a request waits for its row.
async fn file_all(pool: &Pool, stop: &CancellationToken) {
    let mut pause = PAUSE;
    while !stop.is_cancelled() {
        pause = match Box::pin(file_once(pool)).await {
            Ok(0) => pause.saturating_mul(2).min(PAUSE),
            Ok(_) => BETWEEN_BITES,
            Err(fault) => {
                tracing::warn!(fault = format!("{fault:#}"), "audit rows are not filed by their patients yet");
                PAUSE
            }
        };
        let _ = stop.run_until_cancelled(tokio::time::sleep(pause)).await;
    }
}

async fn link_once(pool: &Pool) -> anyhow::Result<usize> {
    let mut conn = pool.get().await?;
    Ok(link(&mut conn).await?)
}

/// How many pages of rows were filed.
async fn file_once(pool: &Pool) -> anyhow::Result<i64> {
    let mut conn = pool.get().await?;
    Ok(diesel::select(sql::<BigInt>("audit_file_patients()")).prepared().get_result(&mut conn).await?)
}

async fn keep_house(pool: &Pool) -> anyhow::Result<()> {
    let mut conn = pool.get().await?;
    let made: i32 = diesel::select(sql::<Integer>("audit_make_partitions(3)")).get_result(&mut conn).await?;
    let head = Head::find(&mut conn).await?;
    tracing::info!(seq = head.seq, hash = hex(&head.hash), months_made = made, "audit chain head");
    Ok(())
}
