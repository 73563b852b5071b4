//! How reports read: at one moment, within their own time, and no more rows than fit an answer.

use chassis::problem::Problem;
use diesel::QueryResult;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};

/// Rows of a report's table at most.
pub const MOST_ROWS: usize = 10_000;
/// What a query asks for, to see whether there are more.
pub const LIMIT: i64 = 10_001;

/// Makes a transaction that has just begun read one snapshot of the database, so that the parts of a report agree with one
/// another, with half a minute's time for each query.
///
/// # Errors
/// From the database.
pub async fn at_one_moment(conn: &mut AsyncPgConnection) -> QueryResult<()> {
    conn.batch_execute(
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL statement_timeout = '30s'",
    )
    .await
}

/// Refuses what an answer cannot hold.
///
/// # Errors
/// 400 that says to ask for less.
pub fn bounded<T>(rows: Vec<T>) -> Result<Vec<T>, Problem> {
    if rows.len() > MOST_ROWS {
        let why = format!("the report has more than {MOST_ROWS} rows; ask for a shorter time or a wider group_by");
        return Err(Problem::invalid("", "too_large", why));
    }
    Ok(rows)
}
