//! A row of `break_glass_reviews`: what patients told of, and what an auditor says of it.

use std::collections::HashMap;

use anyhow::Context;
use chassis::problem::Problem;
use chrono::{DateTime, SecondsFormat, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use events::envelope;
use events::v1::{BreakGlassUse, Envelope};
use events::{Handler, Payload};

use super::{Status, Use};
use crate::mail::queue;
use crate::schema::break_glass_reviews;

/// The name under which this service subscribes.
pub const SUBSCRIBER: &str = "users";

/// A search shows at most a page of people.
const MOST_NAMED: usize = 20;

/// The row.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = break_glass_reviews, check_for_backend(diesel::pg::Pg))]
pub struct Review {
    /// The grant's id.
    pub id: i64,
    /// The doctor or nurse.
    pub user_id: i64,
    role: String,
    reason: String,
    patients: Vec<i64>,
    granted_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    status: String,
    /// What the auditor wrote.
    pub note: String,
    reviewed_by: Option<i64>,
    reviewed_at: Option<DateTime<Utc>>,
    /// Grows with every verdict.
    pub version: i64,
}

impl Review {
    /// The one with this id.
    ///
    /// # Errors
    /// When PostgreSQL refuses.
    pub async fn find(conn: &mut AsyncPgConnection, id: i64) -> QueryResult<Option<Self>> {
        break_glass_reviews::table.find(id).select(Self::as_select()).first(conn).await.optional()
    }

    /// The one with this id, held until the transaction ends.
    ///
    /// # Errors
    /// When PostgreSQL refuses.
    pub async fn hold(conn: &mut AsyncPgConnection, id: i64) -> QueryResult<Option<Self>> {
        break_glass_reviews::table.find(id).select(Self::as_select()).for_update().first(conn).await.optional()
    }

    /// Writes a verdict over the one before.
    ///
    /// # Errors
    /// When PostgreSQL refuses.
    pub async fn judge(
        conn: &mut AsyncPgConnection,
        id: i64,
        status: Status,
        note: &str,
        auditor: i64,
    ) -> QueryResult<Self> {
        use break_glass_reviews::dsl;
        diesel::update(dsl::break_glass_reviews.find(id))
            .set((
                dsl::status.eq(status.as_str()),
                dsl::note.eq(note),
                dsl::reviewed_by.eq(auditor),
                dsl::reviewed_at.eq(Utc::now()),
                dsl::version.eq(dsl::version + 1),
            ))
            .returning(Self::as_returning())
            .get_result(conn)
            .await
    }

    /// The mail to auditors: who, when, and the records' numbers. No name of a patient, and not the reason, which may say
    /// something clinical: that is in the review queue.
    #[must_use]
    pub fn notice(&self, username: &str) -> String {
        let numbers: Vec<String> = self.patients.iter().take(MOST_NAMED).map(ToString::to_string).collect();
        let more = self.patients.len().saturating_sub(MOST_NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let what = match self.expires_at {
            Some(until) => format!("opened a record, until {}", until.to_rfc3339_opts(SecondsFormat::Secs, true)),
            None => "searched".to_owned(),
        };
        format!(
            "Somebody went beyond their care, and it waits for your review.\n\n\
             Review: {}\nWho: {username}, user {}, as {}\nWhen: {}\nWhat: {what}\nPatients, by id: {}{more}\n\n\
             The reason that was given is in the review queue.\n",
            self.id,
            self.user_id,
            self.role,
            self.granted_at.to_rfc3339_opts(SecondsFormat::Secs, true),
            numbers.join(", "),
        )
    }

    /// As auditors see it.
    ///
    /// # Errors
    /// When the database holds a status that this program does not know: a newer one wrote it.
    pub fn shown(self, names: &HashMap<i64, String>) -> Result<Use, Problem> {
        Ok(Use {
            id: self.id,
            user: self.user_id,
            user_name: names.get(&self.user_id).cloned().unwrap_or_default(),
            role: self.role,
            reason: self.reason,
            patients: self.patients,
            granted_at: self.granted_at,
            expires_at: self.expires_at,
            status: self.status.parse().map_err(Problem::internal)?,
            note: self.note,
            reviewed_by: self.reviewed_by,
            reviewed_at: self.reviewed_at,
        })
    }
}

/// Keeps what patients tells of.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// Who is told of each use by mail, if anybody: `EHS_AUDITORS_ADDRESS`.
    pub auditors: Option<String>,
}

impl Handler for Heard {
    async fn apply(&self, conn: &mut AsyncPgConnection, event: &Envelope) -> anyhow::Result<()> {
        match &event.payload {
            Some(Payload::BreakGlassUsed(used)) => {
                let new = keep(conn, used).await?;
                match &self.auditors {
                    Some(address) if new => Ok(queue::tell_auditors(conn, address, used.id, Utc::now()).await?),
                    _told_or_nobody => Ok(()),
                }
            }
            // not subscribed to
            _ => Ok(()),
        }
    }
}

/// Whether it is new: a use never changes; told again, what an auditor said stays.
async fn keep(conn: &mut AsyncPgConnection, used: &BreakGlassUse) -> anyhow::Result<bool> {
    use break_glass_reviews::dsl;
    let granted_at = used.granted_at.as_ref().and_then(envelope::time).context("a grant of no time")?;
    let written = diesel::insert_into(dsl::break_glass_reviews)
        .values((
            dsl::id.eq(used.id),
            dsl::user_id.eq(used.user_id),
            dsl::role.eq(&used.role),
            dsl::reason.eq(&used.reason),
            dsl::patients.eq(&used.patients),
            dsl::granted_at.eq(granted_at),
            dsl::expires_at.eq(used.expires_at.as_ref().and_then(envelope::time)),
        ))
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    Ok(written == 1)
}
