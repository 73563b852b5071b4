//! Rows into PostgreSQL: with the work that they are about, or many at once.

use chassis::trail::Trail;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::Untyped;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::row::{NewRow, Outcome};

/// Writes down, in the caller's transaction, that these patients' records are changed; it is kept exactly when the change is.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn write(
    conn: &mut AsyncPgConnection,
    trail: &Trail,
    patients: impl IntoIterator<Item = i64>,
) -> QueryResult<()> {
    trail.shows(patients);
    insert(conn, &[NewRow::of(trail, Outcome::Success)]).await?;
    trail.is_written();
    Ok(())
}

/// Writes rows by one statement, in the caller's transaction or in one of its own.
pub(crate) async fn insert(conn: &mut AsyncPgConnection, rows: &[NewRow]) -> QueryResult<()> {
    if rows.is_empty() {
        return Ok(());
    }
    Insert { rows }.execute(conn).await.map(drop)
}

/// Filled up with empty rows to the next power of two, so that a connection prepares a handful of statements for all numbers
/// of rows.
struct Insert<'r> {
    rows: &'r [NewRow],
}

impl QueryFragment<Pg> for Insert<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "INSERT INTO audit_log (at, actor, role, session, action, object, patients, outcome, address, user_agent, \
             trace_id, reason) SELECT * FROM (VALUES ",
        );
        for (place, row) in self.rows.iter().enumerate() {
            out.push_sql(if place == 0 { "(" } else { "), (" });
            row.bind(&mut out)?;
        }
        for _ in self.rows.len()..self.rows.len().next_power_of_two() {
            out.push_sql("), (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL");
        }
        out.push_sql(")) AS new (at) WHERE new.at IS NOT NULL");
        Ok(())
    }
}

impl QueryId for Insert<'_> {
    type QueryId = Insert<'static>;
    /// Its text, which tells how many rows there are.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Insert<'_> {
    type SqlType = Untyped;
}
