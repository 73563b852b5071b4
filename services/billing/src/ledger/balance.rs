//! What accounts come to.

use chrono::NaiveDate;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Date};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::money::Paise;

#[derive(QueryableByName)]
struct Sum {
    #[diesel(sql_type = BigInt)]
    amount: Paise,
}

/// The cash that a cashier should have of a day: what came in, less what was paid out of the drawer, advances included.
///
/// # Errors
/// From the database.
pub async fn cash_of(conn: &mut AsyncPgConnection, cashier: i64, day: NaiveDate) -> QueryResult<Paise> {
    let sum: Sum = diesel::sql_query(
        "SELECT coalesce(sum(p.amount), 0)::bigint AS amount FROM journal_entries e JOIN postings p ON p.entry_id = e.id \
         WHERE e.made_by = $1 AND e.dated = $2 AND e.kind IN ('PAYMENT', 'REFUND', 'ADVANCE', 'ADVANCE_REFUND') \
         AND p.account = 'CASH'",
    )
    .bind::<BigInt, _>(cashier)
    .bind::<Date, _>(day)
    .get_result(conn)
    .await?;
    Ok(sum.amount)
}
