//! Filters for auditors, and pages by key.

use chassis::page::{self, Count, PageRequest, Position};
use chassis::problem::Problem;
use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::row::Row;
use crate::schema::audit_log;

/// Which rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filters {
    /// Those about this patient.
    pub patient: Option<i64>,
    /// And those about these, where one is asked for: who were merged into the patient.
    #[serde(default)]
    pub merged: Vec<i64>,
    /// Those of this user.
    pub actor: Option<i64>,
    /// Those of this action.
    pub action: Option<String>,
    /// From this instant on.
    pub start: Option<DateTime<Utc>>,
    /// Before this instant.
    pub end: Option<DateTime<Utc>>,
    /// Those that were answered.
    pub successful: bool,
}

type Matching<T> = audit_log::BoxedQuery<'static, Pg, T>;

fn matching<T>(filters: &Filters, mut found: Matching<T>) -> Matching<T> {
    // As the two indexes say it.
    match filters.patient {
        Some(patient) if filters.merged.is_empty() => {
            let one = sql::<Bool>("(cardinality(patients) = 1 AND patients[1] = ").bind::<BigInt, _>(patient).sql(")");
            let several = sql::<Bool>("(cardinality(patients) > 1 AND patients @> ARRAY[").bind::<BigInt, _>(patient);
            found = found.filter(one.or(several.sql("])")));
        }
        Some(patient) => {
            let all: Vec<i64> = std::iter::once(patient).chain(filters.merged.iter().copied()).collect();
            let one = sql::<Bool>("(cardinality(patients) = 1 AND patients[1] = ANY(");
            let one = one.bind::<Array<BigInt>, _>(all.clone()).sql("))");
            let several = sql::<Bool>("(cardinality(patients) > 1 AND patients && ").bind::<Array<BigInt>, _>(all);
            found = found.filter(one.or(several.sql(")")));
        }
        None => {}
    }
    if let Some(actor) = filters.actor {
        found = found.filter(audit_log::actor.eq(actor));
    }
    if let Some(action) = &filters.action {
        found = found.filter(audit_log::action.eq(action.clone()));
    }
    if let Some(start) = filters.start {
        found = found.filter(audit_log::at.ge(start));
    }
    if let Some(end) = filters.end {
        found = found.filter(audit_log::at.lt(end));
    }
    if filters.successful {
        found = found.filter(audit_log::outcome.eq("SUCCESS"));
    }
    found
}

/// A page of rows, the latest first, one more than fit; and how many there are.
///
/// # Errors
/// When PostgreSQL refuses, or the cursor holds no place.
pub async fn rows(conn: &mut AsyncPgConnection, request: &PageRequest<Filters>) -> Result<(Vec<Row>, Count), Problem> {
    let count =
        page::count_of(conn, || matching(&request.filters, audit_log::table.select(audit_log::id).into_boxed()));
    let count = count.await?;
    let all = audit_log::table.select(Row::as_select()).into_boxed();
    let mut found = matching(&request.filters, all).limit(request.size.saturating_add(1));
    match &request.position {
        Position::First => {}
        Position::Offset(rows) => found = found.offset(*rows),
        Position::After(place) => {
            let (at, id) = read(place)?;
            // Two conditions, so that the index begins there.
            found = found.filter(audit_log::at.le(at)).filter(audit_log::at.lt(at).or(audit_log::id.lt(id)));
        }
        Position::Before(place) => {
            let (at, id) = read(place)?;
            found = found.filter(audit_log::at.ge(at)).filter(audit_log::at.gt(at).or(audit_log::id.gt(id)));
        }
    }
    let found = match request.position {
        Position::Before(_) => found.order((audit_log::at, audit_log::id)),
        _ => found.order((audit_log::at.desc(), audit_log::id.desc())),
    };
    Ok((found.load(conn).await?, count))
}

/// Where a row stands.
pub fn place(row: &Row) -> Value {
    json!([row.at.timestamp_micros(), row.id])
}

fn read(place: &Value) -> Result<(DateTime<Utc>, i64), Problem> {
    let place: Option<(i64, i64)> = serde_json::from_value(place.clone()).ok();
    place
        .and_then(|(at, id)| Some((DateTime::from_timestamp_micros(at)?, id)))
        .ok_or_else(|| Problem::invalid("cursor", "invalid_cursor", "is not one of ours"))
}
