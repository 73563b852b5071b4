//! `billing verify`: proves that the books, the invoices, the payments, the advances, the number series and the reports agree.
//!
//! It reads one snapshot of the database, so that it may run beside a service at work, and names what does not agree by ids and
//! numbers alone.
//!
//! - [`checks`]: what has to hold, as queries for what does not; - [`reports`]: what the reports say beside the books.

pub mod checks;
pub mod reports;

use std::fmt;

use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};

use self::checks::CHECKS;

/// Of one check, no more findings are named.
const MOST_FINDINGS: i64 = 100;

/// Something that does not agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What should hold.
    pub check: &'static str,
    /// Of what it does not.
    pub subject: String,
    /// What one side says.
    pub says: String,
    /// What the other side comes to.
    pub found: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} says {}, found {}", self.check, self.subject, self.says, self.found)
    }
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// How many things were looked at.
    pub checks: usize,
    /// What does not agree; at most a hundred of each check.
    pub findings: Vec<Finding>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    subject: String,
    #[diesel(sql_type = Text)]
    says: String,
    #[diesel(sql_type = Text)]
    found: String,
}

/// Looks at everything, in a transaction of its own.
///
/// # Errors
/// From the database.
pub async fn verify(conn: &mut AsyncPgConnection) -> anyhow::Result<Verdict> {
    conn.transaction(async |conn| {
        conn.batch_execute(
            "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL statement_timeout = '10min'",
        )
        .await?;
        inspect(conn).await
    })
    .await
}

/// Looks at everything, as the caller's transaction sees it.
///
/// # Errors
/// From the database.
pub async fn inspect(conn: &mut AsyncPgConnection) -> anyhow::Result<Verdict> {
    let mut verdict = Verdict::default();
    for (check, sql) in CHECKS {
        let query =
            format!("SELECT subject::text, says::text, found::text FROM ({sql}) AS broken LIMIT {MOST_FINDINGS}");
        let rows: Vec<Row> = diesel::sql_query(query).load(conn).await?;
        verdict.checks += 1;
        let finding = |Row { subject, says, found }| Finding { check, subject, says, found };
        verdict.findings.extend(rows.into_iter().map(finding));
    }
    reports::verify(conn, &mut verdict).await?;
    Ok(verdict)
}
