//! What the lists of this service share: the days that narrow one, and how its pages walk.

use chassis::fields::Day;
use chassis::problem::Problem;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Refuses days that run backward.
///
/// # Errors
/// 400 that names `end_date`.
pub fn forward(start_date: Option<Day>, end_date: Option<Day>) -> Result<(), Problem> {
    if start_date.zip(end_date).is_some_and(|(start, end)| start > end) {
        return Err(Problem::invalid("end_date", "before_start", "must not be before start_date"));
    }
    Ok(())
}

/// The position in a cursor, which is ours.
///
/// # Errors
/// 500 when it is none of this list's.
pub fn position<T: DeserializeOwned>(at: &Value) -> Result<T, Problem> {
    serde_json::from_value(at.clone()).map_err(Problem::internal)
}

/// A page's rows of a boxed query, and one more, in the order of a column (of a Rust type), if one is given, and then of the id: from the highest down where
/// `$descending`, else from the lowest up. A page before a position is walked the other way.
macro_rules! walked {
    ($query:expr, $request:expr, $by:expr => $type:ty, $id:expr, $descending:expr) => {{
        use chassis::page::Position;
        use diesel::prelude::*;

        let request = $request;
        let mut query = $query.limit(request.size + 1);
        let descending = $descending != matches!(request.position, Position::Before(_));
        match &request.position {
            Position::First => {}
            Position::Offset(rows) => query = query.offset(*rows),
            Position::After(at) | Position::Before(at) => {
                let (by, id): ($type, i64) = $crate::listing::position(at)?;
                // the first condition is for the index, the second for rows that are alike in the column
                query = if descending {
                    query.filter($by.le(Clone::clone(&by))).filter($by.lt(by).or($id.lt(id)))
                } else {
                    query.filter($by.ge(Clone::clone(&by))).filter($by.gt(by).or($id.gt(id)))
                };
            }
        }
        if descending { query.order(($by.desc(), $id.desc())) } else { query.order(($by.asc(), $id.asc())) }
    }};
    // In the order of the id alone.
    ($query:expr, $request:expr, $id:expr, $descending:expr) => {{
        use chassis::page::Position;
        use diesel::prelude::*;

        let request = $request;
        let mut query = $query.limit(request.size + 1);
        let descending = $descending != matches!(request.position, Position::Before(_));
        match &request.position {
            Position::First => {}
            Position::Offset(rows) => query = query.offset(*rows),
            Position::After(at) | Position::Before(at) => {
                let id: i64 = $crate::listing::position(at)?;
                query = if descending { query.filter($id.lt(id)) } else { query.filter($id.gt(id)) };
            }
        }
        if descending { query.order($id.desc()) } else { query.order($id.asc()) }
    }};
}
pub(crate) use walked;
