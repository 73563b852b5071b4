//! What is outstanding, line by line, beside what the books have as owed.

use chrono::Utc;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::Verdict;
use crate::money::Paise;
use crate::numbering::day_in_india;
use crate::reports::outstanding::{GroupBy, Outstanding};

#[derive(QueryableByName)]
struct Owed {
    #[diesel(sql_type = BigInt)]
    amount: Paise,
}

/// Reads the report by invoice and by patient.
///
/// # Errors
/// From the database.
pub async fn verify(conn: &mut AsyncPgConnection, verdict: &mut Verdict) -> QueryResult<()> {
    let booked = "SELECT coalesce(sum(amount), 0)::bigint AS amount FROM postings WHERE account = 'RECEIVABLE'";
    let booked: Owed = diesel::sql_query(booked).get_result(conn).await?;
    for group_by in [GroupBy::Invoice, GroupBy::Patient] {
        let report = Outstanding { date: day_in_india(Utc::now()), group_by, doctor: None };
        let says = report.total(conn).await?.outstanding;
        let subject = format!("RECEIVABLE by {}", group_by.as_str());
        verdict.compare("the outstanding report agrees with the books", subject, says, booked.amount);
    }
    Ok(())
}
