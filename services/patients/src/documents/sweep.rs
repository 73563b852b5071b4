//! What broken uploads left behind: rows whose upload never became a document, with their objects, and uploads in parts that
//! nobody finished. Every object of ours has a row, of `documents` or of `document_uploads`, so that nothing else is looked for,
//! and an object that no row knows of (of a database that was set back) is left alone.

use std::fmt;
use std::time::Duration;

use chassis::db::Pool;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use object_store::{Fault, Key, Store};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{CONTENT, THUMBNAIL};
use crate::schema::document_uploads;

/// Rounds are this far apart.
const ROUNDS: Duration = Duration::from_secs(300);
/// An upload that began longer ago has ended, well or not: none may take that long.
pub const OVER: Duration = Duration::from_secs(3_600);
/// Rows of one round at most.
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

/// Removes what is left of uploads that began longer than `over` ago. What the store refuses is passed over, told of and tried
/// again in the next round.
///
/// # Errors
/// When PostgreSQL refuses or the store is away; what was removed until then is.
pub async fn round(pool: &Pool, store: &Store, over: Duration) -> anyhow::Result<Swept> {
    let before = Utc::now() - TimeDelta::from_std(over)?;
    let mut patience = Patience::new();
    let mut swept = Swept { unfinished: unfinished(store, before, &mut patience).await?, uploads: 0 };
    let mut conn = pool.get().await?;
    let mut after = (DateTime::UNIX_EPOCH, Uuid::nil());
    for _ in 0..MOST {
        let Some(tried) = one(&mut conn, store, before, after, &mut patience).await? else { break };
        swept.uploads += usize::from(tried.is_removed);
        after = tried.row;
    }
    count("upload", swept.uploads);
    count("unfinished", swept.unfinished);
    Ok(swept)
}

/// Gives up uploads in parts that began before; says how many.
async fn unfinished(store: &Store, before: DateTime<Utc>, patience: &mut Patience) -> anyhow::Result<usize> {
    let mut given_up = 0;
    for folder in [CONTENT, THUMBNAIL] {
        let listed = patience.with(folder, store.unfinished(folder).await)?.unwrap_or_default();
        for upload in listed.into_iter().filter(|upload| upload.begun_at <= before) {
            given_up += usize::from(patience.with(folder, store.give_up(&upload).await)?.is_some());
        }
    }
    Ok(given_up)
}

/// A row that was tried: by it the next is found.
struct Tried {
    row: (DateTime<Utc>, Uuid),
    is_removed: bool,
}

/// The oldest row after another. First its object, then the row, which is locked meanwhile: an upload that ends just then waits,
/// and finds itself swept.
async fn one(
    conn: &mut AsyncPgConnection,
    store: &Store,
    before: DateTime<Utc>,
    (begun_at, object): (DateTime<Utc>, Uuid),
    patience: &mut Patience,
) -> anyhow::Result<Option<Tried>> {
    use document_uploads::dsl;
    conn.transaction(async |conn| {
        let oldest = dsl::document_uploads
            .filter(dsl::begun_at.le(before))
            .filter(dsl::begun_at.gt(begun_at).or(dsl::begun_at.eq(begun_at).and(dsl::object.gt(object))))
            .order((dsl::begun_at, dsl::object))
            .select((dsl::begun_at, dsl::object))
            .for_update()
            .skip_locked();
        let Some(row) = oldest.first::<(DateTime<Utc>, Uuid)>(conn).await.optional()? else { return Ok(None) };
        let key = Key::new(CONTENT, row.1);
        let is_removed = patience.with(key, store.delete(key).await)?.is_some();
        if is_removed {
            diesel::delete(dsl::document_uploads.find(row.1)).execute(conn).await?;
        }
        Ok(Some(Tried { row, is_removed }))
    })
    .await
}

/// How often in a row the store may still be away.
struct Patience(usize);

impl Patience {
    /// One object may fail however often it is tried; a store that is away fails with the next too.
    const TRIES: usize = 3;

    const fn new() -> Self {
        Self(Self::TRIES)
    }

    /// What the store did; nothing where it did not, which is told of.
    fn with<T>(&mut self, what: impl fmt::Display, outcome: Result<T, Fault>) -> Result<Option<T>, Fault> {
        let fault = match outcome {
            Ok(done) => {
                *self = Self::new();
                return Ok(Some(done));
            }
            Err(fault) => fault,
        };
        if fault.passes() {
            self.0 = self.0.saturating_sub(1);
        }
        count("failed", 1);
        if self.0 == 0 {
            return Err(fault);
        }
        tracing::warn!(%what, %fault, "what a broken upload left could not be removed; trying again later");
        Ok(None)
    }
}

fn count(what: &'static str, number: usize) {
    metrics::counter!("document_sweeps_total", "what" => what).increment(u64::try_from(number).unwrap_or(u64::MAX));
}
