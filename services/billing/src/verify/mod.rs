//! `billing verify`: proves that the books, the invoices, the payments, the advances, the number series and the reports agree.
//!
//! It reads one snapshot of the database, so that it may run beside a service at work, and names what does not agree by ids and
//! numbers alone.
//!
//! - [`checks`]: what has to hold, as queries for what does not;
//! - what the reports say beside the books: [`months`]: revenue, the GST return and the doctors' shares; - [`day_book`]; -
//!   [`outstanding`]. They are read as whoever asks for them reads them, line by line as they come.

pub mod checks;

pub mod day_book;
pub mod months;
pub mod outstanding;

use std::fmt;

use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};

use self::checks::CHECKS;
use crate::money::Paise;
use crate::reports::query::{MADE_WITHIN, at_one_moment};

/// Of one check, no more findings are named.
const MOST_FINDINGS: usize = 100;

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

impl Verdict {
    /// Looks at one thing: what is said of it, and what is found.
    fn compare(&mut self, check: &'static str, subject: String, says: Paise, found: Paise) {
        self.checks += 1;
        let is_named = |finding: &&Finding| finding.check == check;
        if says != found && self.findings.iter().filter(is_named).count() < MOST_FINDINGS {
            self.findings.push(Finding { check, subject, says: says.to_string(), found: found.to_string() });
        }
    }
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
        at_one_moment(conn, MADE_WITHIN).await?;
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
    months::verify(conn, &mut verdict).await?;
    day_book::verify(conn, &mut verdict).await?;
    outstanding::verify(conn, &mut verdict).await?;
    Ok(verdict)
}
