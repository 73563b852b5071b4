//! What broken uploads left behind: rows whose upload never became a document, with their objects, and uploads in parts that
//! nobody finished. Every object of ours has a row, of `documents` or of `document_uploads`, so that nothing else is looked for,
//! and an object that no row knows of (of a database that was set back) is left alone.

use std::time::Duration;

use chassis::db::Pool;
use chrono::{TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use object_store::{Key, Store};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{CONTENT, THUMBNAIL};
use crate::schema::document_uploads;

/// Rounds are this far apart.
const ROUNDS: Duration = Duration::from_secs(300);
/// An upload that began longer ago has ended, well or not: none may take that long.
pub const OVER: Duration = Duration::from_secs(3_600);
/// Rows of one round.
const MOST: usize = 500;

/// What a round removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Uploads that never became a document.
    pub uploads: usize,
    /// Uploads in parts that nobody finished.
    pub unfinished: usize,
}

/// Sweeps until `stop` is cancelled.
///
/// # Errors
/// None: what goes wrong is tried again.
pub async fn run(pool: Pool, store: Store, stop: CancellationToken) -> anyhow::Result<()> {
    while stop.run_until_cancelled(tokio::time::sleep(ROUNDS)).await.is_some() {
        match round(&pool, &store, OVER).await {
            Ok(Swept { uploads: 0, unfinished: 0 }) => {}
            Ok(Swept { uploads, unfinished }) => tracing::info!(uploads, unfinished, "broken uploads were swept"),
            Err(fault) => tracing::warn!(%fault, "broken uploads could not be swept; trying again later"),
        }
    }
    Ok(())
}

/// Removes what is left of uploads that began longer than `over` ago.
///
/// # Errors
/// When PostgreSQL or the store refuses; what was removed until then is.
pub async fn round(pool: &Pool, store: &Store, over: Duration) -> anyhow::Result<Swept> {
    let mut swept = Swept::default();
    let before = Utc::now() - TimeDelta::from_std(over)?;
    for folder in [CONTENT, THUMBNAIL] {
        for upload in store.unfinished(folder).await?.into_iter().filter(|upload| upload.begun_at <= before) {
            store.give_up(&upload).await?;
            swept.unfinished += 1;
        }
    }
    let mut conn = pool.get().await?;
    while swept.uploads < MOST && one(&mut conn, store, before).await? {
        swept.uploads += 1;
    }
    metrics::counter!("document_sweeps_total", "what" => "upload").increment(u64::try_from(swept.uploads)?);
    metrics::counter!("document_sweeps_total", "what" => "unfinished").increment(u64::try_from(swept.unfinished)?);
    Ok(swept)
}

/// First the object, then its row, which is locked meanwhile: an upload that ends just then waits, and finds itself swept.
async fn one(conn: &mut AsyncPgConnection, store: &Store, before: chrono::DateTime<Utc>) -> anyhow::Result<bool> {
    conn.transaction(async |conn| {
        let oldest = document_uploads::table
            .filter(document_uploads::begun_at.le(before))
            .order(document_uploads::begun_at)
            .select(document_uploads::object)
            .for_update()
            .skip_locked();
        let Some(object) = oldest.first::<Uuid>(conn).await.optional()? else { return Ok(false) };
        store.delete(Key::new(CONTENT, object)).await?;
        diesel::delete(document_uploads::table.find(object)).execute(conn).await?;
        Ok(true)
    })
    .await
}
