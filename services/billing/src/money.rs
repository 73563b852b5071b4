//! Money: whole paise, never a float.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Neg, Sub};
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

use chassis::words::from_text;

/// An amount of Indian rupees in paise.
///
/// What comes in through [`FromStr`] lies between nothing and [`Paise::MOST`]; a document has at most
/// [`crate::tax::MOST_LINES`] lines, so that sums stay far from the ends of an `i64`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, AsExpression, FromSqlRow, ToSchema)]
#[diesel(sql_type = BigInt)]
#[schema(value_type = String, example = "1180.00")]
pub struct Paise(i64);

impl Paise {
    /// No money.
    pub const ZERO: Self = Self(0);
    /// The largest amount that is taken or shown: 10^12 rupees.
    pub const MOST: Self = Self(100_000_000_000_000);

    /// So many paise.
    pub const fn new(paise: i64) -> Self {
        Self(paise)
    }

    /// So many whole rupees.
    pub const fn rupees(rupees: i64) -> Self {
        Self(rupees * 100)
    }

    /// The number of paise.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// This amount times `numerator / denominator`, settled to the paisa with half a paisa upwards; none if the result is
    /// beyond [`Paise::MOST`] or the denominator is not positive.
    pub fn times(self, numerator: i64, denominator: i64) -> Option<Self> {
        if denominator <= 0 {
            return None;
        }
        let (numerator, denominator) = (i128::from(numerator), i128::from(denominator));
        let exact = i128::from(self.0).checked_mul(numerator)?;
        let settled = (exact * 2 + denominator).div_euclid(denominator * 2);
        i64::try_from(settled).ok().map(Self).filter(|paise| *paise <= Self::MOST)
    }

    /// The nearest whole rupee; 50 paise and more go up.
    #[must_use]
    pub const fn to_the_rupee(self) -> Self {
        Self((self.0 + 50).div_euclid(100) * 100)
    }
}

impl Add for Paise {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Paise {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Neg for Paise {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl Sum for Paise {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Paise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let paise = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:02}", paise / 100, paise % 100)
    }
}

impl FromStr for Paise {
    type Err = Fault;

    /// Reads `1180`, `1180.5` and `1180.50`; no sign, no exponent, no third place.
    fn from_str(text: &str) -> Result<Self, Fault> {
        let paise = decimal(text, 2).ok_or_else(|| {
            Fault::new(
                "invalid_amount",
                "must be an amount in rupees with at most two decimal places, such as \"1180.00\"",
            )
        })?;
        if paise > Self::MOST.0 {
            return Err(Fault::new("too_large", "must be at most 1000000000000.00"));
        }
        Ok(Self(paise))
    }
}

/// Reads an unsigned decimal with at most `places` places into an integer of that many places.
pub(crate) fn decimal(text: &str, places: usize) -> Option<i64> {
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => return None,
        None => (text, ""),
    };
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || fraction.len() > places || !digits(whole) || !digits(fraction) {
        return None;
    }
    // saturating: more digits than an i64 holds are only ever compared with a much smaller bound
    Some(format!("{whole}{fraction:0<places$}").parse().unwrap_or(i64::MAX))
}

impl Serialize for Paise {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Deserr<Faults> for Paise {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, location: ValuePointerRef<'_>) -> Result<Self, Faults> {
        from_text(value, location)
    }
}

impl ToSql<BigInt, Pg> for Paise {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> diesel::serialize::Result {
        <i64 as ToSql<BigInt, Pg>>::to_sql(&self.0, out)
    }
}

impl FromSql<BigInt, Pg> for Paise {
    fn from_sql(bytes: PgValue<'_>) -> diesel::deserialize::Result<Self> {
        <i64 as FromSql<BigInt, Pg>>::from_sql(bytes).map(Self)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::as_conversions)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_people_write_them() {
        for (text, paise) in [
            ("0", 0),
            ("1180", 118_000),
            ("1180.5", 118_050),
            ("1180.05", 118_005),
            ("1000000000000.00", 100_000_000_000_000),
        ] {
            assert_eq!(text.parse::<Paise>().unwrap(), Paise(paise), "{text}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in [
            "",
            " ",
            "1e3",
            "NaN",
            "inf",
            "1.005",
            "-1",
            "+1",
            "1.",
            ".5",
            "1,000",
            "0x10",
            "१२",
            "1 000",
            "1000000000000.01",
            "99999999999999999999999999",
        ] {
            assert!(text.parse::<Paise>().is_err(), "{text}");
        }
    }

    #[test]
    fn shown_with_two_places() {
        for (paise, text) in [(0, "0.00"), (5, "0.05"), (118_000, "1180.00"), (-50, "-0.50"), (-12_345, "-123.45")] {
            assert_eq!(Paise(paise).to_string(), text);
        }
    }

    #[test]
    fn rounding_takes_fifty_paise_up() {
        for (paise, rounded) in [(149, 100), (150, 200), (151, 200), (100, 100), (0, 0), (49, 0), (50, 100)] {
            assert_eq!(Paise(paise).to_the_rupee(), Paise(rounded));
        }
    }

    #[test]
    fn half_a_paisa_goes_up() {
        assert_eq!(Paise(101).times(1, 2), Some(Paise(51)));
        assert_eq!(Paise(100).times(1, 3), Some(Paise(33)));
        assert_eq!(Paise::MOST.times(2, 1), None);
        assert_eq!(Paise(1).times(1, 0), None);
    }
}
