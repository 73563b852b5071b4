//! Statements that stay prepared on their connection.
//!
//! Diesel keeps a statement prepared only where its types alone tell that there are few texts of it: not an update, not an insert
//! of several rows, nothing with `sql` in it. Such a one is parsed, planned and thrown away each time, which costs a round trip
//! and, of a short statement, more of PostgreSQL's time than running it.

use diesel::dsl::sql;
use diesel::expression::{AsExpression, SqlLiteral, TypedExpressionType, UncheckedBind};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, SqlType};

/// Inserts of so many rows at most are kept, each number of rows by itself.
const FEW_ROWS: usize = 8;

/// Says of a statement that there are few texts of it.
pub trait Prepare: Sized {
    /// Kept prepared, by its text. Only for a statement whose text depends on nothing that clients send and on no number of rows:
    /// a connection keeps every text that it ever saw.
    fn prepared(self) -> Prepared<Self> {
        Prepared { statement: self, is_kept: true }
    }

    /// The same of one that inserts so many rows: kept prepared if they are few.
    fn prepared_for(self, rows: usize) -> Prepared<Self> {
        Prepared { statement: self, is_kept: rows <= FEW_ROWS }
    }
}

impl<Q: QueryFragment<Pg>> Prepare for Q {}

/// Any of some ids, to be compared with a column: `column.eq(any_of(&ids))`.
pub type AnyOf<'a> =
    SqlLiteral<BigInt, UncheckedBind<SqlLiteral<BigInt>, <&'a [i64] as AsExpression<Array<BigInt>>>::Expression>>;

/// See [`AnyOf`]. The planner sees whether there is one id, which has a text of its own, but not how many there are: it plans the
/// statement once and not, as with `eq_any`, each time anew, in the hope that few of them make a better plan.
pub fn any_of(ids: &[i64]) -> AnyOf<'_> {
    let (before, after) = if ids.len() == 1 { ("((", ")::bigint[])[1]") } else { ("ANY ((SELECT ", ")::bigint[])") };
    sql::<BigInt>(before).bind::<Array<BigInt>, _>(ids).sql(after)
}

/// A value that the planner does not see: an end of a span of time, of which it would otherwise hope each time anew that it is
/// short.
pub type Unseen<ST, T> = SqlLiteral<ST, UncheckedBind<SqlLiteral<ST>, <T as AsExpression<ST>>::Expression>>;

/// See [`Unseen`].
pub fn unseen<ST, T>(value: T) -> Unseen<ST, T>
where
    ST: SqlType + TypedExpressionType,
    T: AsExpression<ST>,
{
    sql::<ST>("(SELECT ").bind::<ST, T>(value).sql(")")
}

/// See [`Prepare`].
#[derive(Clone, Copy, Debug)]
pub struct Prepared<Q> {
    statement: Q,
    is_kept: bool,
}

impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for Prepared<Q> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.statement.walk_ast(out)
    }

    fn is_safe_to_cache_prepared(&self, _backend: &Pg) -> QueryResult<bool> {
        Ok(self.is_kept)
    }
}

impl<Q> QueryId for Prepared<Q> {
    type QueryId = ();
    /// Its text.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: Query> Query for Prepared<Q> {
    type SqlType = Q::SqlType;
}
