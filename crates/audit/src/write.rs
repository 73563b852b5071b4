//! Rows into PostgreSQL: with the work that they are about, or many at once.

use chassis::trail::Trail;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::Error;
use diesel::sql_types::Text;
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
    let json = serde_json::to_string(rows).map_err(|fault| Error::SerializationError(fault.into()))?;
    Insert { json }.execute(conn).await.map(drop)
}

/// One text for any number of rows, so that PostgreSQL plans it once.
struct Insert {
    json: String,
}

impl QueryFragment<Pg> for Insert {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "INSERT INTO audit_log (at, actor, role, session, action, object, patients, outcome, address, user_agent, \
             trace_id, reason) SELECT * FROM json_to_recordset(",
        );
        out.push_bind_param::<Text, _>(&self.json)?;
        out.push_sql(
            "::json) AS new (at timestamptz, actor bigint, role text, session uuid, action text, object text, \
             patients bigint[], outcome text, address text, user_agent text, trace_id text, reason text)",
        );
        Ok(())
    }
}

impl QueryId for Insert {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl diesel::query_builder::Query for Insert {
    type SqlType = diesel::sql_types::Untyped;
}
