//! The row of a day close, and what is shown of it.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::money::Paise;
use crate::schema::day_closes;

/// A closed day of a cashier. It never changes.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = day_closes, check_for_backend(Pg))]
pub struct DayClose {
    /// Id.
    pub id: i64,
    /// Whose day.
    pub cashier: i64,
    /// The day in India.
    pub day: NaiveDate,
    /// What the books say there should be.
    pub expected: Paise,
    /// What there was.
    pub counted: Paise,
    /// Of what it was counted.
    pub denominations: Option<Value>,
    /// Why they differ.
    pub reason: Option<String>,
    /// Who closed it.
    pub closed_by: i64,
    /// When.
    pub closed_at: DateTime<Utc>,
}

/// What is shown of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DayCloseAnswer {
    /// Id.
    pub id: i64,
    /// The user whose day it is.
    pub cashier: i64,
    /// The day in India.
    pub date: NaiveDate,
    /// The cash that the books say there should be: what came in, less what was refunded.
    pub expected: Paise,
    /// The cash that there was.
    pub counted: Paise,
    /// `counted` less `expected`: above nothing, too much; below, too little.
    #[schema(value_type = String, example = "-20.00")]
    pub difference: Paise,
    /// How many notes and coins of each denomination, where they were counted so.
    #[schema(value_type = Option<std::collections::BTreeMap<String, i64>>)]
    pub denominations: Option<Value>,
    /// Why they differ.
    pub reason: Option<String>,
    /// Who closed it.
    pub closed_by: i64,
    /// When.
    pub closed_at: DateTime<Utc>,
}

impl From<DayClose> for DayCloseAnswer {
    fn from(row: DayClose) -> Self {
        Self {
            id: row.id,
            cashier: row.cashier,
            date: row.day,
            expected: row.expected,
            counted: row.counted,
            difference: row.counted - row.expected,
            denominations: row.denominations,
            reason: row.reason,
            closed_by: row.closed_by,
            closed_at: row.closed_at,
        }
    }
}
