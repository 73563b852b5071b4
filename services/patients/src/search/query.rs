//! The queries of a list: which patients, and in which order. A search that [`ranked`](super::ranked) does not answer goes
//! by the text of each patient.

use chassis::page::{self, Count, EXACT_COUNT, PageRequest, Position};
use chrono::{DateTime, NaiveDate, Utc};
use diesel::dsl::sql;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Date, Integer, Nullable, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::statement::Statement;
use super::text::{Mentions, Rank};
use crate::access::{Scope, visible_to};
use crate::patient::Patient;
use crate::schema::patients;

#[diesel::declare_sql_function]
extern "SQL" {
    /// The date, or another where there is none.
    fn coalesce(date: Nullable<Date>, otherwise: Date) -> Date;
}

/// What a list is narrowed and ordered by; travels in the page's cursor.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Filters {
    /// Words that must all be found.
    pub words: Vec<String>,
    /// As the contract writes it.
    pub gender: Option<String>,
    /// Active, or deactivated.
    pub is_active: Option<bool>,
    /// A doctor's user id.
    pub primary_doctor: Option<i64>,
    /// Born on this day.
    pub date_of_birth: Option<NaiveDate>,
    /// Explicit order; without one, the best match or the newest comes first.
    pub ordering: Option<Ordering>,
}

/// What a list is in order of.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ordering {
    /// The column.
    pub by: Key,
    /// Whether the smallest comes first.
    pub rising: bool,
}

/// The columns that a list can be in order of; ties are in order of id.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Key {
    /// How well the words are matched.
    Rank,
    /// Id, which is also the order of registration.
    Id,
    /// Last name, then first name.
    Name,
    /// Date of birth; unknown comes last.
    Birth,
    /// Last change.
    Update,
}

impl Filters {
    /// The order that holds.
    pub fn ordering(&self) -> Ordering {
        let by = if self.words.is_empty() { Key::Id } else { Key::Rank };
        self.ordering.unwrap_or(Ordering { by, rising: false })
    }
}

/// A patient on a list, with what places it there.
pub struct Found {
    /// The patient.
    pub patient: Patient,
    /// What a cursor remembers of the row.
    pub position: Value,
    /// Whether the name is only similar to what was searched.
    pub is_similar: bool,
}

impl Found {
    fn new(by: Key, patient: Patient, sort_name: &str, rank: i32) -> Self {
        let id = patient.id;
        let position = match by {
            Key::Id => json!([null, id]),
            Key::Rank => json!([rank, id]),
            Key::Name => json!([sort_name, id]),
            Key::Birth => json!([patient.facts.date_of_birth.unwrap_or_else(unknown_birth), id]),
            Key::Update => json!([patient.updated_at, id]),
        };
        Self { patient, position, is_similar: false }
    }
}

/// Where those whose birthday is not known stand among the others.
fn unknown_birth() -> NaiveDate {
    NaiveDate::from_ymd_opt(9999, 12, 31).unwrap_or(NaiveDate::MAX)
}

type Matching = patients::BoxedQuery<'static, Pg>;

/// The visible patients that the filters leave.
pub fn matching(scope: &Scope, filters: &Filters) -> Matching {
    filters.words.iter().fold(narrowed(scope, filters), |query, word| query.filter(Mentions::of(word, scope)))
}

/// The visible patients that the filters leave, but for the words.
pub fn narrowed(scope: &Scope, filters: &Filters) -> Matching {
    let mut query = visible_to(scope);
    if let Some(gender) = &filters.gender {
        query = query.filter(patients::gender.eq(gender.clone()));
    }
    if let Some(is_active) = filters.is_active {
        // In so many words, as the index of the few who are deactivated has them.
        query = query.filter(sql::<Bool>(if is_active { "patients.is_active" } else { "NOT patients.is_active" }));
    }
    if let Some(doctor) = filters.primary_doctor {
        query = query.filter(patients::primary_doctor.eq(doctor));
    }
    if let Some(date) = filters.date_of_birth {
        query = query.filter(patients::date_of_birth.eq(date));
    }
    query
}

/// Puts rows in order of a key and then of the id, beyond a position. `key >= k AND (key > k OR id > i)` rather than a row
/// comparison, since diesel has none; the first half lets the index start where the page does.
macro_rules! walk {
    ($query:expr, $key:expr, $at:expr, $rising:expr) => {
        match ($at, $rising) {
            (None, true) => $query.order(($key.asc(), patients::id.asc())),
            (None, false) => $query.order(($key.desc(), patients::id.desc())),
            (Some((key, id)), true) => $query
                .filter($key.ge(key.clone()).and($key.gt(key).or(patients::id.gt(id))))
                .order(($key.asc(), patients::id.asc())),
            (Some((key, id)), false) => $query
                .filter($key.le(key.clone()).and($key.lt(key).or(patients::id.lt(id))))
                .order(($key.desc(), patients::id.desc())),
        }
    };
}

/// The rows of a page, one more than it has, in walking order.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn rows(
    conn: &mut AsyncPgConnection,
    scope: &Scope,
    request: &PageRequest<Filters>,
) -> QueryResult<Vec<Found>> {
    let filters = &request.filters;
    let Some(query) = ordered(matching(scope, filters), filters, &request.position) else { return Ok(Vec::new()) };
    let query = query.limit(request.size + 1);
    let rows: Vec<(Patient, String, i32)> = if filters.words.is_empty() {
        query.select((Patient::as_select(), patients::sort_name, 0.into_sql::<Integer>())).load(conn).await?
    } else {
        query.select((Patient::as_select(), patients::sort_name, Rank(filters.words.clone()))).load(conn).await?
    };
    let by = filters.ordering().by;
    Ok(rows.into_iter().map(|(patient, sort_name, rank)| Found::new(by, patient, &sort_name, rank)).collect())
}

/// How many rows there are on all pages.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn count(conn: &mut AsyncPgConnection, scope: &Scope, filters: &Filters) -> QueryResult<Count> {
    if scope.is_of_all() && *filters == (Filters { ordering: filters.ordering, ..Filters::default() }) {
        let rows: i64 =
            Statement::<BigInt>::new("SELECT reltuples::bigint FROM pg_class WHERE oid = 'patients'::regclass")
                .get_result(conn)
                .await?;
        // Patients become more and never fewer: no estimate of so many is of fewer than are counted exactly.
        if rows > 2 * EXACT_COUNT {
            return Ok(Count { rows, estimated: true });
        }
    }
    page::count_of(conn, || matching(scope, filters).select(patients::id)).await
}

/// `None` when the position is of another order, which only a cursor of an older version can be.
fn ordered(query: Matching, filters: &Filters, position: &Position) -> Option<Matching> {
    let Ordering { by, rising } = filters.ordering();
    let (at, backward, query) = match position {
        Position::First => (None, false, query),
        Position::Offset(rows) => (None, false, query.offset(*rows)),
        Position::After(at) => (Some(at), false, query),
        Position::Before(at) => (Some(at), true, query),
    };
    let rising = rising != backward;
    if !filters.words.is_empty() {
        return in_order_found(query, filters, at, rising);
    }
    Some(match by {
        Key::Id => match (read::<Option<i64>>(at)?, rising) {
            (None, true) => query.order(patients::id.asc()),
            (None, false) => query.order(patients::id.desc()),
            (Some((_, id)), true) => query.filter(patients::id.gt(id)).order(patients::id.asc()),
            (Some((_, id)), false) => query.filter(patients::id.lt(id)).order(patients::id.desc()),
        },
        Key::Rank => query,
        Key::Name => walk!(query, patients::sort_name, read::<String>(at)?, rising),
        Key::Birth => {
            walk!(query, coalesce(patients::date_of_birth, unknown_birth()), read::<NaiveDate>(at)?, rising)
        }
        Key::Update => walk!(query, patients::updated_at, read::<DateTime<Utc>>(at)?, rising),
    })
}

/// The same of whoever is searched: by expressions that no index is in order of. Else PostgreSQL, which does not know the words,
/// might walk all patients in order until enough of them answer.
fn in_order_found(query: Matching, filters: &Filters, at: Option<&Value>, rising: bool) -> Option<Matching> {
    Some(match filters.ordering().by {
        Key::Rank => walk!(query, Rank(filters.words.clone()), read::<i32>(at)?, rising),
        Key::Id => {
            let at = read::<Option<i64>>(at)?.map(|(_, id)| (id, id));
            walk!(query, sql::<BigInt>("(patients.id + 0)"), at, rising)
        }
        Key::Name => walk!(query, sql::<Text>("(patients.sort_name || '')"), read::<String>(at)?, rising),
        Key::Birth => {
            let birth = || sql::<Date>("(coalesce(patients.date_of_birth, date '9999-12-31') + 0)");
            walk!(query, birth(), read::<NaiveDate>(at)?, rising)
        }
        Key::Update => {
            let update = || sql::<Timestamptz>("(patients.updated_at + interval '0')");
            walk!(query, update(), read::<DateTime<Utc>>(at)?, rising)
        }
    })
}

/// `Some(None)` at the beginning; `None` when the position cannot be read.
fn read<K: serde::de::DeserializeOwned>(at: Option<&Value>) -> Option<Option<(K, i64)>> {
    at.map(|at| serde_json::from_value(at.clone()).ok()).map_or(Some(None), |read| read.map(Some))
}
