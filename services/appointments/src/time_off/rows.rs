//! When doctors are away: the row, and its queries.

use chassis::page::Position;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;

use super::Kind;
use super::input::Absence;
use crate::error::Error;
use crate::schema::time_off;
use crate::slots::Span;

/// A stretch of time in which a doctor is away.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = time_off, check_for_backend(diesel::pg::Pg))]
pub struct Row {
    /// Id.
    pub id: i64,
    /// The doctor.
    pub doctor_id: i64,
    /// Why.
    pub kind: Kind,
    /// When it begins.
    pub starts_at: DateTime<Utc>,
    /// When it ends.
    pub ends_at: DateTime<Utc>,
    /// What is written beside it.
    pub reason: String,
    /// Account of who entered it.
    pub created_by: i64,
    /// When it was entered.
    pub created_at: DateTime<Utc>,
    /// The calendar that it was imported from.
    pub source: Option<String>,
    /// Grows when an import moves it.
    pub version: i64,
}

impl Row {
    /// One of a doctor's. Whoever changes them holds the doctor's row.
    pub async fn find(conn: &mut AsyncPgConnection, doctor: i64, id: i64) -> QueryResult<Option<Self>> {
        let theirs = time_off::table.filter(time_off::id.eq(id).and(time_off::doctor_id.eq(doctor)));
        theirs.select(Self::as_select()).first(conn).await.optional()
    }

    /// Writes a new one.
    pub async fn insert(
        conn: &mut AsyncPgConnection,
        doctor: i64,
        absence: &Absence,
        span: Span,
        by: i64,
    ) -> QueryResult<Self> {
        diesel::insert_into(time_off::table)
            .values((
                time_off::doctor_id.eq(doctor),
                time_off::kind.eq(absence.kind.unwrap_or(Kind::Leave)),
                time_off::starts_at.eq(span.start),
                time_off::ends_at.eq(span.end),
                time_off::reason.eq(absence.reason.as_deref().unwrap_or_default()),
                time_off::created_by.eq(by),
            ))
            .returning(Self::as_returning())
            .get_result(conn)
            .await
    }

    /// Deletes it.
    pub async fn delete(&self, conn: &mut AsyncPgConnection) -> QueryResult<()> {
        diesel::delete(time_off::table.find(self.id)).execute(conn).await.map(drop)
    }

    /// Its time.
    pub fn span(&self) -> Span {
        Span { start: self.starts_at, end: self.ends_at }
    }

    /// A page of a doctor's that are not over, by time.
    pub async fn page(
        conn: &mut AsyncPgConnection,
        doctor: i64,
        now: DateTime<Utc>,
        position: &Position,
        limit: i64,
    ) -> Result<Vec<Self>, Error> {
        let mut rows = time_off::table
            .filter(time_off::doctor_id.eq(doctor).and(time_off::ends_at.gt(now)))
            .select(Self::as_select())
            .limit(limit)
            .into_boxed();
        let backward = matches!(position, Position::Before(_));
        match position {
            Position::First => {}
            Position::Offset(offset) => rows = rows.offset(*offset),
            Position::After(at) => {
                let (time, id) = after(at)?;
                rows =
                    rows.filter(time_off::starts_at.ge(time).and(time_off::starts_at.gt(time).or(time_off::id.gt(id))));
            }
            Position::Before(at) => {
                let (time, id) = after(at)?;
                rows =
                    rows.filter(time_off::starts_at.le(time).and(time_off::starts_at.lt(time).or(time_off::id.lt(id))));
            }
        }
        let rows = match backward {
            true => rows.order((time_off::starts_at.desc(), time_off::id.desc())),
            false => rows.order((time_off::starts_at.asc(), time_off::id.asc())),
        };
        Ok(rows.load(conn).await?)
    }
}

fn after(position: &Value) -> Result<(DateTime<Utc>, i64), Error> {
    let read: Option<(i64, i64)> = serde_json::from_value(position.clone()).ok();
    let read = read.and_then(|(time, id)| Some((DateTime::from_timestamp_micros(time)?, id)));
    read.ok_or_else(|| Error::invalid("cursor", "invalid", "is not a cursor of ours"))
}
