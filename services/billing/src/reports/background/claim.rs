//! Who makes which report: a claim, for as long as it is kept up.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Double};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use object_store::Stored;
use uuid::Uuid;

use super::job::{Job, Reason, ReportStatus};
use crate::schema::{report_uploads, reports};

/// Tries that may go wrong.
const MOST_ATTEMPTS: i32 = 5;
/// A claim that was not kept up for so long is somebody else's: whoever had it is taken for dead.
pub const LEASE: Duration = Duration::from_secs(60);
/// The first pause after a setback, and the longest, in seconds.
const PAUSES: (i64, i64) = (5, 300);

/// A report to be made, and the try that makes it.
#[derive(Debug)]
pub struct Claim {
    /// It.
    pub job: Job,
    /// Names this try, and what it stores.
    pub upload: Uuid,
}

/// What is known of a report that lies in the store.
#[derive(Debug)]
pub struct Made {
    /// Its size and hash.
    pub stored: Stored,
    /// Whom it shows something of.
    pub patients: Vec<i64>,
    /// What it is saved as.
    pub file_name: String,
}

#[derive(QueryableByName)]
struct Taken {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

/// Takes the report that waits longest, of those that nobody is making. The try is counted before it is made: one that kills
/// its process counts too.
///
/// # Errors
/// From the database.
pub async fn claim(conn: &mut AsyncPgConnection) -> QueryResult<Option<Claim>> {
    conn.transaction(async |conn| {
        let upload = Uuid::now_v7();
        let taken = diesel::sql_query(
            "UPDATE reports SET status = 'RUNNING', progress = 0, attempts = attempts + 1, upload = $2, \
                    due_at = now() + make_interval(secs => $1) \
             WHERE id = (SELECT id FROM reports WHERE status IN ('QUEUED', 'RUNNING') AND due_at <= now() ORDER BY due_at, id \
                         LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id",
        );
        let taken = taken.bind::<Double, _>(LEASE.as_secs_f64()).bind::<diesel::sql_types::Uuid, _>(upload);
        let Some(Taken { id }) = taken.get_result(conn).await.optional()? else { return Ok(None) };
        diesel::insert_into(report_uploads::table).values(report_uploads::object.eq(upload)).execute(conn).await?;
        let job = reports::table.find(id).select(Job::as_select()).first(conn).await?;
        Ok(Some(Claim { job, upload }))
    })
    .await
}

impl Claim {
    /// Whether all tries were made.
    pub const fn is_spent(&self) -> bool {
        self.job.attempts > MOST_ATTEMPTS
    }

    /// Whether this is the last try.
    pub const fn is_last(&self) -> bool {
        self.job.attempts >= MOST_ATTEMPTS
    }

    /// Keeps it up, and says how far it is. False where it is somebody else's by now.
    ///
    /// # Errors
    /// From the database.
    pub async fn keep_up(&self, conn: &mut AsyncPgConnection, progress: i16) -> QueryResult<bool> {
        let due_at = Utc::now() + TimeDelta::from_std(LEASE).unwrap_or_default();
        let kept = diesel::update(self.mine()).set((reports::progress.eq(progress), reports::due_at.eq(due_at)));
        Ok(kept.execute(conn).await? == 1)
    }

    /// It is made: from here on the object is the report's. False where the report is somebody else's by now.
    ///
    /// # Errors
    /// From the database.
    pub async fn done(&self, conn: &mut AsyncPgConnection, made: &Made) -> QueryResult<bool> {
        conn.transaction(async |conn| {
            let done = diesel::update(self.mine()).set((
                reports::status.eq(ReportStatus::Done),
                reports::progress.eq(100_i16),
                reports::upload.eq(None::<Uuid>),
                reports::object.eq(self.upload),
                reports::size.eq(i64::try_from(made.stored.size).unwrap_or(i64::MAX)),
                reports::sha256.eq(made.stored.sha256.as_slice()),
                reports::patients.eq(&made.patients),
                reports::file_name.eq(&made.file_name),
                reports::finished_at.eq(Utc::now()),
            ));
            if done.execute(conn).await? == 0 {
                return Ok(false);
            }
            diesel::delete(report_uploads::table.find(self.upload)).execute(conn).await?;
            Ok(true)
        })
        .await
    }

    /// It will not be made.
    ///
    /// # Errors
    /// From the database.
    pub async fn fail(&self, conn: &mut AsyncPgConnection, reason: Reason) -> QueryResult<bool> {
        let failed = diesel::update(self.mine()).set((
            reports::status.eq(ReportStatus::Failed),
            reports::upload.eq(None::<Uuid>),
            reports::reason.eq(reason),
            reports::finished_at.eq(Utc::now()),
        ));
        Ok(failed.execute(conn).await? == 1)
    }

    /// It went wrong: tried again after a pause that doubles with every try.
    ///
    /// # Errors
    /// From the database.
    pub async fn try_again(&self, conn: &mut AsyncPgConnection) -> QueryResult<bool> {
        self.put_off(conn, pause(self.job.attempts), (0, 0)).await
    }

    /// It has to wait: tried again after a pause that doubles each time, and however often.
    ///
    /// # Errors
    /// From the database.
    pub async fn wait(&self, conn: &mut AsyncPgConnection) -> QueryResult<bool> {
        self.put_off(conn, pause(self.job.deferrals), (1, 1)).await
    }

    /// Whoever makes it stops: anybody may take it at once.
    ///
    /// # Errors
    /// From the database.
    pub async fn hand_back(&self, conn: &mut AsyncPgConnection) -> QueryResult<bool> {
        self.put_off(conn, TimeDelta::zero(), (1, 0)).await
    }

    /// The first of `undone` is taken from the tries, the second added to those that had to wait.
    async fn put_off(&self, conn: &mut AsyncPgConnection, pause: TimeDelta, undone: (i32, i32)) -> QueryResult<bool> {
        let put_off = diesel::update(self.mine()).set((
            reports::status.eq(ReportStatus::Queued),
            reports::progress.eq(0_i16),
            reports::upload.eq(None::<Uuid>),
            reports::attempts.eq(reports::attempts - undone.0),
            reports::deferrals.eq(reports::deferrals + undone.1),
            reports::due_at.eq(Utc::now() + pause),
        ));
        Ok(put_off.execute(conn).await? == 1)
    }

    fn mine(&self) -> Mine {
        reports::table.filter(reports::id.eq(self.job.id).and(reports::upload.is_not_distinct_from(self.upload)))
    }
}

type Mine = diesel::dsl::Filter<
    reports::table,
    diesel::dsl::And<diesel::dsl::Eq<reports::id, i64>, diesel::dsl::IsNotDistinctFrom<reports::upload, Uuid>>,
>;

/// 5, 10, 20 seconds and so on, to five minutes.
fn pause(times: i32) -> TimeDelta {
    let (first, most) = PAUSES;
    let doubled = u32::try_from(times).ok().and_then(|times| first.checked_shl(times.min(16))).unwrap_or(most);
    TimeDelta::seconds(doubled.min(most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_end() {
        assert_eq!([0, 1, 2, 5, 6, 1_000, -1].map(|times| pause(times).num_seconds()), [5, 10, 20, 160, 300, 300, 300]);
    }
}
