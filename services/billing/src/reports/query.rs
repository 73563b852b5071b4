//! How reports read: at one moment, and each query within its time.

use std::time::Duration;

use diesel::QueryResult;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};

/// A query's time where somebody waits for the answer.
pub const ANSWERED_WITHIN: Duration = Duration::from_secs(30);
/// Where the worker makes the report.
pub const MADE_WITHIN: Duration = Duration::from_secs(600);

/// Makes a transaction that has just begun read one snapshot of the database, so that the parts of a report agree with one
/// another.
///
/// # Errors
/// From the database.
pub async fn at_one_moment(conn: &mut AsyncPgConnection, query: Duration) -> QueryResult<()> {
    let time = query.as_millis();
    conn.batch_execute(&format!(
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL statement_timeout = '{time}ms'"
    ))
    .await
}
