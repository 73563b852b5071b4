//! A report in the background: its row, whose it is, and what is shown of it.

use auth::{Actor, Reach};
use chrono::{DateTime, Utc};
use diesel::dsl::IntoBoxed;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::error::Error;
use crate::reports::asked::Name;
use crate::reports::format::Format;
use crate::schema::reports;

/// Reports of one user that are not finished, at most.
pub const MOST_WAITING: i64 = 10;

chassis::words! {
    /// How a report stands.
    pub enum ReportStatus {
        /// It waits for its turn, or for the store to be there again.
        Queued = "QUEUED",
        /// It is being made.
        Running = "RUNNING",
        /// It can be read.
        Done = "DONE",
        /// It was not made: `reason` says why.
        Failed = "FAILED",
    }
}

chassis::words! {
    /// Why a report was not made.
    pub enum Reason {
        /// A sheet of a workbook holds no more: CSV or JSON does.
        TooManyRows = "TOO_MANY_ROWS",
        /// Reading it took too long: ask for a shorter time.
        TooSlow = "TOO_SLOW",
        /// The role that asked may not have it any more.
        NotAllowed = "NOT_ALLOWED",
        /// Every try went wrong.
        WentWrong = "WENT_WRONG",
    }
}

/// A report in the background.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = reports, check_for_backend(Pg))]
pub struct Job {
    /// Id.
    pub id: i64,
    /// Which.
    pub report: Name,
    /// As what.
    pub format: Format,
    /// What it is about.
    pub parameters: Value,
    /// Who asked.
    pub asked_by: i64,
    /// In what role.
    pub asked_as: String,
    /// Whose own appointments alone are counted.
    pub doctor: Option<i64>,
    /// How it stands.
    pub status: ReportStatus,
    /// In percent.
    pub progress: i16,
    /// Why it was not made.
    pub reason: Option<Reason>,
    /// Tries.
    pub attempts: i32,
    /// Tries that had to wait.
    pub deferrals: i32,
    /// What it is saved as.
    pub file_name: Option<String>,
    /// Where it is.
    pub object: Option<Uuid>,
    /// The users of whom it is written down, patient by patient, that they had its link.
    pub shown_to: Vec<i64>,
    /// Bytes.
    pub size: Option<i64>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When it was done, or failed.
    pub finished_at: Option<DateTime<Utc>>,
}

/// What is shown of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReportView {
    /// Id.
    pub id: i64,
    /// Which.
    pub report: Name,
    /// As what.
    pub format: Format,
    /// What it is about: the parameters of the report's GET.
    #[schema(value_type = Object)]
    pub parameters: Value,
    /// How it stands.
    pub status: ReportStatus,
    /// How much of it is written, in percent; 100 only when it is `DONE`.
    pub progress: i16,
    /// Why it `FAILED`.
    pub reason: Option<Reason>,
    /// Bytes, once it is `DONE`.
    pub size: Option<i64>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When it was done, or failed.
    pub finished_at: Option<DateTime<Utc>>,
    /// Where it can be read for five minutes, once it is `DONE`; another one each time, and none in a list.
    pub link: Option<String>,
}

impl From<Job> for ReportView {
    fn from(job: Job) -> Self {
        let Job { id, report, format, parameters, status, progress, reason, size, created_at, finished_at, .. } = job;
        Self { id, report, format, parameters, status, progress, reason, size, created_at, finished_at, link: None }
    }
}

/// Somebody asks for a report.
#[derive(Debug, Insertable)]
#[diesel(table_name = reports, check_for_backend(Pg), treat_none_as_default_value = false)]
pub struct NewJob {
    /// Which.
    pub report: Name,
    /// As what.
    pub format: Format,
    /// What it is about.
    pub parameters: Value,
    /// Who asks.
    pub asked_by: i64,
    /// In what role.
    pub asked_as: &'static str,
    /// Whose own appointments alone are counted.
    pub doctor: Option<i64>,
}

impl NewJob {
    /// Puts it into the queue.
    ///
    /// # Errors
    /// When the asker has as many unfinished reports as one may have; from the database.
    pub async fn insert(&self, conn: &mut AsyncPgConnection) -> Result<Job, Error> {
        // two requests of one user do not both take the last place
        diesel::sql_query("SELECT pg_advisory_xact_lock(hashtextextended($1, $2))")
            .bind::<Text, _>("reports")
            .bind::<BigInt, _>(self.asked_by)
            .execute(conn)
            .await?;
        let waiting = reports::table
            .filter(reports::asked_by.eq(self.asked_by))
            .filter(reports::status.eq_any([ReportStatus::Queued, ReportStatus::Running]));
        if waiting.count().get_result::<i64>(conn).await? >= MOST_WAITING {
            return Err(Error::TooManyReports);
        }
        Ok(diesel::insert_into(reports::table).values(self).returning(Job::as_returning()).get_result(conn).await?)
    }
}

/// The reports that somebody may read: all of those kinds that their role reads all of, and of the others those that are
/// about themselves.
pub fn visible_to(actor: &Actor) -> IntoBoxed<'static, reports::table, Pg> {
    let reached = |reach| Name::ALL.iter().copied().filter(move |name| name.reach(actor.role) == Some(reach));
    let all: Vec<Name> = reached(Reach::All).collect();
    let own: Vec<Name> = reached(Reach::Own).chain(reached(Reach::Care)).collect();
    let theirs = reports::doctor.is_not_distinct_from(actor.user_id);
    reports::table.filter(reports::report.eq_any(all).or(reports::report.eq_any(own).and(theirs))).into_boxed()
}

impl Job {
    /// A report that somebody may read.
    ///
    /// # Errors
    /// [`Error::NoReport`].
    pub async fn find(conn: &mut AsyncPgConnection, actor: &Actor, id: i64) -> Result<Self, Error> {
        let found = visible_to(actor).filter(reports::id.eq(id)).select(Self::as_select());
        found.first(conn).await.optional()?.ok_or(Error::NoReport)
    }

    /// Whom it shows something of.
    ///
    /// # Errors
    /// From the database.
    pub async fn patients(&self, conn: &mut AsyncPgConnection) -> QueryResult<Vec<i64>> {
        reports::table.find(self.id).select(reports::patients).first(conn).await
    }

    /// Notes that the audit log has all its patients beside this user.
    ///
    /// # Errors
    /// From the database.
    pub async fn was_shown_to(&self, conn: &mut AsyncPgConnection, user: i64) -> QueryResult<()> {
        let unnoted = reports::table.find(self.id).filter(diesel::dsl::not(reports::shown_to.contains(vec![user])));
        diesel::update(unnoted)
            .set(reports::shown_to.eq(reports::shown_to.concat(vec![user])))
            .execute(conn)
            .await
            .map(drop)
    }
}
