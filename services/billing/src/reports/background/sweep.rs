//! What is forgotten: reports that are old, and what broken tries left in the store. Every object of ours has a row before its
//! first byte, so that nothing else is looked for.

use std::time::Duration;

use chassis::db::Pool;
use chrono::{DateTime, Days, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use object_store::{Key, Store};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::FOLDER;
use super::job::ReportStatus;
use crate::pdf::kept;
use crate::schema::{report_uploads, reports};

/// Rounds are this far apart.
const ROUNDS: Duration = Duration::from_secs(300);
/// A try that began longer ago has ended, well or not.
pub const OVER: Duration = Duration::from_secs(3_600);
/// Rows of one round, of each kind.
const MOST: usize = 500;

/// What a round removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Old reports.
    pub reports: usize,
    /// What tries stored that became no report.
    pub uploads: usize,
    /// Uploads in parts that nobody finished.
    pub unfinished: usize,
}

/// Sweeps until told to stop.
///
/// # Errors
/// None: what goes wrong is tried again.
pub async fn run(pool: Pool, store: Store, days: Days, stop: CancellationToken) -> anyhow::Result<()> {
    while stop.run_until_cancelled(tokio::time::sleep(ROUNDS)).await.is_some() {
        match round(&pool, &store, days, OVER).await {
            Ok(Swept { reports: 0, uploads: 0, unfinished: 0 }) => {}
            Ok(Swept { reports, uploads, unfinished }) => {
                tracing::info!(reports, uploads, unfinished, "old reports and broken tries were swept");
            }
            Err(fault) => tracing::warn!(fault = format!("{fault:#}"), "old reports stay for now"),
        }
    }
    Ok(())
}

/// Removes reports that were asked for before so many days, and what is left of tries that began longer than `over` ago.
///
/// # Errors
/// When PostgreSQL or the store refuses; what was removed until then is.
pub async fn round(pool: &Pool, store: &Store, days: Days, over: Duration) -> anyhow::Result<Swept> {
    let (mut swept, now) = (Swept::default(), Utc::now());
    let (old, broken) = (now - days, now - TimeDelta::from_std(over)?);
    for folder in [FOLDER, kept::FOLDER] {
        for upload in store.unfinished(folder).await?.into_iter().filter(|upload| upload.begun_at <= broken) {
            store.give_up(&upload).await?;
            swept.unfinished += 1;
        }
    }
    let mut conn = pool.get().await?;
    while swept.uploads < MOST && upload(&mut conn, store, broken).await? {
        swept.uploads += 1;
    }
    while swept.reports < MOST && report(&mut conn, store, old).await? {
        swept.reports += 1;
    }
    for (what, removed) in [("report", swept.reports), ("upload", swept.uploads), ("unfinished", swept.unfinished)] {
        metrics::counter!("billing_report_sweeps_total", "what" => what).increment(u64::try_from(removed)?);
    }
    Ok(swept)
}

/// First the object, then its row, which is locked meanwhile.
async fn upload(conn: &mut AsyncPgConnection, store: &Store, before: DateTime<Utc>) -> anyhow::Result<bool> {
    conn.transaction(async |conn| {
        let oldest = report_uploads::table
            .filter(report_uploads::begun_at.le(before))
            .order(report_uploads::begun_at)
            .select(report_uploads::object)
            .for_update()
            .skip_locked();
        let Some(object) = oldest.first::<Uuid>(conn).await.optional()? else { return Ok(false) };
        store.delete(Key::new(FOLDER, object)).await?;
        diesel::delete(report_uploads::table.find(object)).execute(conn).await?;
        Ok(true)
    })
    .await
}

async fn report(conn: &mut AsyncPgConnection, store: &Store, before: DateTime<Utc>) -> anyhow::Result<bool> {
    conn.transaction(async |conn| {
        let oldest = reports::table
            .filter(reports::created_at.le(before).and(reports::status.ne(ReportStatus::Running)))
            .order(reports::created_at)
            .select((reports::id, reports::object))
            .for_update()
            .skip_locked();
        let Some((id, object)) = oldest.first::<(i64, Option<Uuid>)>(conn).await.optional()? else { return Ok(false) };
        if let Some(object) = object {
            store.delete(Key::new(FOLDER, object)).await?;
        }
        diesel::delete(reports::table.find(id)).execute(conn).await?;
        Ok(true)
    })
    .await
}
