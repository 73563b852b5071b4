//! How reports read: at one moment, and each query within its time.

use std::time::Duration;

use diesel::QueryResult;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};

/// A query's time where somebody waits for the answer.
pub const ANSWERED_WITHIN: Duration = Duration::from_secs(30);
/// Where the worker makes the report.
pub const MADE_WITHIN: Duration = Duration::from_secs(600);

/// What a sort or a join of a report may use of PostgreSQL's memory before it goes to the disk: the join of a million bills with
/// their lines takes 70 MB, in three processes of which each may use twice this.
const WORK_MEM: &str = "16MB";

/// Makes a transaction that has just begun read one snapshot of the database, so that the parts of a report agree with one
/// another, with the memory that reading much of it takes.
///
/// # Errors
/// From the database.
pub async fn at_one_moment(conn: &mut AsyncPgConnection, query: Duration) -> QueryResult<()> {
    let time = query.as_millis();
    conn.batch_execute(&format!(
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL statement_timeout = '{time}ms'; \
         SET LOCAL work_mem = '{WORK_MEM}'"
    ))
    .await
}
