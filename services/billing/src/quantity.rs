//! How much of a thing: a decimal with up to three places, held in thousandths.

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

/// A quantity above nothing and at most a million, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsExpression, FromSqlRow, ToSchema)]
#[diesel(sql_type = BigInt)]
#[schema(value_type = String, example = "1.5")]
pub struct Quantity(i64);

impl Quantity {
    /// One.
    pub const ONE: Self = Self(1000);
    const MOST: i64 = 1_000_000_000;

    /// So many thousandths, where that is a quantity.
    pub const fn new(thousandths: i64) -> Option<Self> {
        if thousandths > 0 && thousandths <= Self::MOST { Some(Self(thousandths)) } else { None }
    }

    /// The number of thousandths.
    pub const fn thousandths(self) -> i64 {
        self.0
    }
}

impl FromStr for Quantity {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let thousandths = decimal(text, 3).ok_or_else(|| {
            Fault::new("invalid_quantity", "must be a positive decimal with at most three places, such as \"1.5\"")
        })?;
        match thousandths {
            0 => Err(Fault::new("too_small", "must be more than 0")),
            1..=Self::MOST => Ok(Self(thousandths)),
            _ => Err(Fault::new("too_large", "must be at most 1000000")),
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:03}", self.0 / 1000, self.0 % 1000);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Deserr<Faults> for Quantity {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, location: ValuePointerRef<'_>) -> Result<Self, Faults> {
        from_text_or_integer(value, location)
    }
}

impl ToSql<BigInt, Pg> for Quantity {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> diesel::serialize::Result {
        <i64 as ToSql<BigInt, Pg>>::to_sql(&self.0, out)
    }
}

impl FromSql<BigInt, Pg> for Quantity {
    fn from_sql(bytes: PgValue<'_>) -> diesel::deserialize::Result<Self> {
        <i64 as FromSql<BigInt, Pg>>::from_sql(bytes).map(Self)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::as_conversions)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_and_shown() {
        for (text, shown) in [("1", "1"), ("1.50", "1.5"), ("0.001", "0.001"), ("10", "10"), ("1000000", "1000000")] {
            assert_eq!(text.parse::<Quantity>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in
            ["0", "0.000", "-1", "1.0000000001", "1.2345", "1e2", "NaN", "", "1000000.001", "99999999999999999999"]
        {
            assert!(text.parse::<Quantity>().is_err(), "{text}");
        }
    }
}
