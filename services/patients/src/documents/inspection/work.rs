//! Who inspects what, and when again: rows of `document_work`.

use chrono::{DateTime, Duration, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Double, Integer};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};

use super::{Finding, Setback};
use crate::documents::document::Document;
use crate::documents::kind::DocumentStatus;
use crate::schema::{document_texts, document_work, documents};

/// Tries that may end without a finding.
const MOST_ATTEMPTS: i32 = 5;
/// How long a document is kept for whoever took it; who is not done by then is taken for dead.
const CLAIM_SECONDS: f64 = 900.0;
/// The first pause after a setback, and the longest.
const PAUSES: (i64, i64) = (5, 300);

/// A document to be inspected, and whose turn it is.
#[derive(Debug)]
pub struct Claim {
    /// It.
    pub document: Document,
    attempts: i32,
    deferrals: i32,
}

#[derive(QueryableByName)]
struct Taken {
    #[diesel(sql_type = BigInt)]
    document: i64,
    #[diesel(sql_type = Integer)]
    attempts: i32,
    #[diesel(sql_type = Integer)]
    deferrals: i32,
}

/// Takes the document that waits longest, of those that nobody has taken. The attempt is counted before it is made: one that
/// kills its process counts too.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn claim(conn: &mut AsyncPgConnection) -> QueryResult<Option<Claim>> {
    let taken = diesel::sql_query(
        "UPDATE document_work SET attempts = attempts + 1, due_at = now() + make_interval(secs => $1) \
         WHERE document = (SELECT document FROM document_work WHERE due_at <= now() ORDER BY due_at LIMIT 1 \
         FOR UPDATE SKIP LOCKED) RETURNING document, attempts, deferrals",
    );
    let taken: Option<Taken> = taken.bind::<Double, _>(CLAIM_SECONDS).get_result(conn).await.optional()?;
    let Some(Taken { document, attempts, deferrals }) = taken else { return Ok(None) };
    let document = documents::table.find(document).select(Document::as_select()).first(conn).await?;
    Ok(Some(Claim { document, attempts, deferrals }))
}

impl Claim {
    /// Whether all its tries were made.
    pub fn is_spent(&self) -> bool {
        self.attempts > MOST_ATTEMPTS
    }

    /// Writes down what came of it, unless it is somebody else's by now. Gives a word for it.
    ///
    /// # Errors
    /// When PostgreSQL refuses.
    pub async fn end(
        self,
        conn: &mut AsyncPgConnection,
        inspected: Result<Finding, Setback>,
    ) -> QueryResult<&'static str> {
        match inspected {
            Ok(finding) => conn.transaction(async |conn| self.keep(conn, finding).await).await,
            Err(Setback::Later(cause)) => {
                tracing::warn!(
                    document.id = self.document.id,
                    cause = format!("{cause:#}"),
                    "an inspection has to wait"
                );
                self.put_off(conn, self.deferrals, (1, 1)).await?;
                Ok("deferred")
            }
            Err(Setback::Failed(cause)) => {
                tracing::warn!(document.id = self.document.id, cause = format!("{cause:#}"), "an inspection failed");
                self.put_off(conn, self.attempts, (0, 0)).await?;
                Ok("failed")
            }
        }
    }

    async fn keep(&self, conn: &mut AsyncPgConnection, finding: Finding) -> QueryResult<&'static str> {
        let mine = document_work::table.filter(self.is_mine());
        if diesel::delete(mine).execute(conn).await? == 0 {
            return Ok("lost");
        }
        let version = documents::version.eq(self.document.version + 1);
        let row = documents::table.find(self.document.id);
        match finding {
            Finding::Readable { content_type, text, has_thumbnail } => {
                let status = documents::status.eq(DocumentStatus::Ready);
                let found = (documents::content_type.eq(content_type), documents::has_thumbnail.eq(has_thumbnail));
                diesel::update(row).set((version, status, found)).execute(conn).await?;
                if let Some(text) = text {
                    let text = (document_texts::document.eq(self.document.id), document_texts::words.eq(text));
                    diesel::insert_into(document_texts::table).values(text).execute(conn).await?;
                }
                Ok("ready")
            }
            Finding::Unreadable(reason) => {
                let status = reason.status();
                let why = (documents::status.eq(status), documents::reason.eq(Some(reason)));
                diesel::update(row).set((version, why)).execute(conn).await?;
                tracing::warn!(document.id = self.document.id, reason = reason.as_str(), "a document cannot be read");
                Ok(if status == DocumentStatus::Quarantined { "quarantined" } else { "refused" })
            }
        }
    }

    /// Tried again after a pause that doubles with `times`. `undone` is taken from the attempts and added to the deferrals.
    async fn put_off(&self, conn: &mut AsyncPgConnection, times: i32, undone: (i32, i32)) -> QueryResult<()> {
        let due_at = Utc::now() + pause(times);
        diesel::update(document_work::table.filter(self.is_mine()))
            .set((
                document_work::attempts.eq(document_work::attempts - undone.0),
                document_work::deferrals.eq(document_work::deferrals + undone.1),
                document_work::due_at.eq::<DateTime<Utc>>(due_at),
            ))
            .execute(conn)
            .await
            .map(drop)
    }

    /// Nobody took it since.
    fn is_mine(
        &self,
    ) -> diesel::dsl::And<diesel::dsl::Eq<document_work::document, i64>, diesel::dsl::Eq<document_work::attempts, i32>>
    {
        document_work::document.eq(self.document.id).and(document_work::attempts.eq(self.attempts))
    }
}

/// 5, 10, 20 seconds and so on, to five minutes.
fn pause(times: i32) -> Duration {
    let (first, most) = PAUSES;
    let doubled = u32::try_from(times).ok().and_then(|times| first.checked_shl(times.min(16))).unwrap_or(most);
    Duration::seconds(doubled.min(most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_end() {
        assert_eq!([0, 1, 2, 5, 6, 1_000, -1].map(|times| pause(times).num_seconds()), [5, 10, 20, 160, 300, 300, 300]);
    }
}
