//! A rate of GST, and the rates that there were.

use std::fmt;
use std::str::FromStr;

use chassis::strict_json::{Fault, Faults};
use chrono::NaiveDate;
use deserr::{Deserr, IntoValue, Value, ValuePointerRef};
use diesel::deserialize::{FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{Output, ToSql};
use diesel::sql_types::BigInt;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use super::rates::day;
use crate::fields::from_text_or_integer;
use crate::money::decimal;

/// A rate in hundredths of a percent, CGST and SGST (or IGST) together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, AsExpression, FromSqlRow, ToSchema)]
#[diesel(sql_type = BigInt)]
#[schema(value_type = String, example = "5.00")]
pub struct Rate(i64);

impl Rate {
    /// Exempt, or nil.
    pub const EXEMPT: Self = Self(0);

    /// So many whole percent.
    pub const fn percent(percent: i64) -> Self {
        Self(percent * 100)
    }

    /// In hundredths of a percent.
    pub const fn basis_points(self) -> i64 {
        self.0
    }

    /// Whether the law knew this rate on that day.
    pub fn existed_on(self, date: NaiveDate) -> bool {
        // 56th GST Council, 3 September 2025: the 12 % and 28 % slabs go on 22 September 2025, 40 % comes
        let slabs: [i64; 5] = if date < day(2025, 9, 22) { [0, 5, 12, 18, 28] } else { [0, 5, 5, 18, 40] };
        slabs.into_iter().any(|percent| self == Self::percent(percent))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

impl FromStr for Rate {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        decimal(text, 2).filter(|rate| *rate <= 10_000).map(Self).ok_or_else(|| {
            Fault::new("invalid_rate", "must be a percentage with at most two decimal places, such as \"5.00\"")
        })
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Deserr<Faults> for Rate {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, location: ValuePointerRef<'_>) -> Result<Self, Faults> {
        from_text_or_integer(value, location)
    }
}

impl ToSql<BigInt, Pg> for Rate {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> diesel::serialize::Result {
        <i64 as ToSql<BigInt, Pg>>::to_sql(&self.0, out)
    }
}

impl FromSql<BigInt, Pg> for Rate {
    fn from_sql(bytes: PgValue<'_>) -> diesel::deserialize::Result<Self> {
        <i64 as FromSql<BigInt, Pg>>::from_sql(bytes).map(Self)
    }
}
