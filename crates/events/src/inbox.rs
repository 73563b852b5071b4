//! The inbox: which events were applied, recorded in the transaction that applied them.

use std::time::Duration;

use chassis::db::Pool;
use chassis::prepared::Prepare as _;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::schema::inbox;

/// Rows are kept longer than any queue keeps a message (14 days, and 14 more as a dead letter).
const KEPT_DAYS: i32 = 30;
const PRUNE_EVERY: Duration = Duration::from_secs(3600);
const PRUNE_BATCH: i64 = 1_000;
const PRUNE_BATCHES: u32 = 500;

/// Records the event as applied. False when it already was: the caller then does nothing.
pub async fn record(conn: &mut AsyncPgConnection, subscriber: &str, event_id: Uuid) -> QueryResult<bool> {
    let recorded = diesel::insert_into(inbox::table)
        .values((inbox::subscriber.eq(subscriber), inbox::event_id.eq(event_id)))
        .on_conflict_do_nothing()
        .prepared()
        .execute(conn)
        .await?;
    Ok(recorded == 1)
}

/// Forgets events applied more than 30 days ago, at most `limit` of them; answers how many it forgot.
pub async fn prune(conn: &mut AsyncPgConnection, limit: i64) -> QueryResult<usize> {
    // by their places: to find a thousand ids again, PostgreSQL would read the whole table
    diesel::sql_query(
        "DELETE FROM inbox WHERE ctid = ANY (ARRAY(\
         SELECT ctid FROM inbox WHERE applied_at < now() - make_interval(days => $1) \
         ORDER BY applied_at LIMIT $2 FOR UPDATE SKIP LOCKED))",
    )
    .bind::<diesel::sql_types::Int4, _>(KEPT_DAYS)
    .bind::<diesel::sql_types::Int8, _>(limit)
    .execute(conn)
    .await
}

/// Prunes every hour until the shutdown, in small batches.
pub(crate) async fn keep_pruned(pool: &Pool, shutdown: &CancellationToken) {
    loop {
        match prune_all(pool).await {
            Ok(0) => {}
            Ok(rows) => tracing::info!(rows, "inbox pruned"),
            Err(error) => tracing::warn!(error = format!("{error:#}"), "inbox not pruned"),
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(PRUNE_EVERY) => {}
        }
    }
}

async fn prune_all(pool: &Pool) -> anyhow::Result<usize> {
    let mut conn = pool.get().await?;
    let mut pruned = 0;
    for _ in 0..PRUNE_BATCHES {
        let rows = prune(&mut conn, PRUNE_BATCH).await?;
        pruned += rows;
        if rows == 0 {
            break;
        }
    }
    Ok(pruned)
}
