//! What is past its due date: the worker says so.

use chrono::NaiveDate;
use diesel::sql_types::Date;
use diesel::{QueryResult, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

/// Invoices moved by one statement.
const AT_ONCE: usize = 500;

/// Moves every invoice with something left to pay whose last day was before `today` to OVERDUE; an invoice that somebody is
/// working on is left for the next time. Returns how many.
///
/// # Errors
/// From the database.
pub async fn mark(conn: &mut AsyncPgConnection, today: NaiveDate) -> QueryResult<usize> {
    let mut marked = 0;
    loop {
        let moved = sql_query(
            "UPDATE invoices SET status = 'OVERDUE', version = version + 1, updated_at = now() WHERE id IN ( \
                 SELECT id FROM invoices WHERE status IN ('ISSUED', 'PARTIALLY_PAID') AND due_date < $1 \
                 ORDER BY due_date LIMIT 500 FOR UPDATE SKIP LOCKED)",
        )
        .bind::<Date, _>(today)
        .execute(conn)
        .await?;
        marked += moved;
        if moved < AT_ONCE {
            return Ok(marked);
        }
    }
}
