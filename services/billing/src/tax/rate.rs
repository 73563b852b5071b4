//! A rate of GST.

use std::fmt;
use std::str::FromStr;

use chassis::strict_json::{Fault, Faults};
use deserr::{Deserr, IntoValue, Value, ValuePointerRef};
use diesel::deserialize::{FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{Output, ToSql};
use diesel::sql_types::BigInt;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

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

    /// In percent without needless zeros: `5`, `2.5`.
    pub fn short(self) -> String {
        self.to_string().trim_end_matches('0').trim_end_matches('.').to_owned()
    }

    /// The half of it, as CGST and SGST bear it: `2.5` of 5 %.
    pub fn half(self) -> String {
        // in thousandths of a percent, so that no half is lost
        let text = format!("{}.{:03}", self.0 / 200, self.0 % 200 * 5);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_and_its_half_are_written_short() {
        for (basis_points, short, half) in
            [(0, "0", "0"), (500, "5", "2.5"), (1800, "18", "9"), (25, "0.25", "0.125"), (10_000, "100", "50")]
        {
            assert_eq!((Rate(basis_points).short().as_str(), Rate(basis_points).half().as_str()), (short, half));
        }
    }
}
