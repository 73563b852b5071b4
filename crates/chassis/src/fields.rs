//! Values that every service's callers send: ids and days, in bodies and in query strings.

use std::str::FromStr;

use chrono::{Datelike, NaiveDate};
use deserr::{Deserr, IntoValue, Value, ValuePointerRef};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::strict_json::{Fault, Faults};
use crate::words::{from_text, refused};

/// The id of a record: a positive integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = i64, example = 17)]
pub struct Id(i64);

impl Id {
    /// An id that came from a database.
    pub const fn new(id: i64) -> Self {
        Self(id)
    }

    /// The number.
    pub const fn get(self) -> i64 {
        self.0
    }

    fn checked(id: i64) -> Result<Self, Fault> {
        if id > 0 { Ok(Self(id)) } else { Err(Fault::new("invalid_id", "must be a positive integer")) }
    }
}

impl FromStr for Id {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        Self::checked(digits.then(|| text.parse().ok()).flatten().unwrap_or_default())
    }
}

impl Deserr<Faults> for Id {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, at: ValuePointerRef<'_>) -> Result<Self, Faults> {
        let id = <i64 as Deserr<Faults>>::deserialize_from_value(value, at)?;
        Self::checked(id).map_err(|fault| refused(fault, at))
    }
}

/// A day as the contract writes it, `YYYY-MM-DD`, within the years that a hospital's books can mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = Date, example = "2026-11-23")]
pub struct Day(NaiveDate);

impl Day {
    /// A day that came from a database.
    pub const fn new(date: NaiveDate) -> Self {
        Self(date)
    }

    /// The date.
    pub const fn get(self) -> NaiveDate {
        self.0
    }
}

impl FromStr for Day {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let shaped = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| shaped);
        let date = date.ok_or_else(|| Fault::new("invalid_date", "must be a date that exists, as YYYY-MM-DD"))?;
        if (1900..=2200).contains(&date.year()) {
            Ok(Self(date))
        } else {
            Err(Fault::new("out_of_range", "must lie between the years 1900 and 2200"))
        }
    }
}

impl Deserr<Faults> for Day {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, at: ValuePointerRef<'_>) -> Result<Self, Faults> {
        from_text(value, at)
    }
}

/// A query parameter that may be absent: `#[deserr(default, try_from(Option<String>) = parameter::<Id> -> Fault)]`.
///
/// # Errors
/// What the type refuses.
pub fn parameter<T: FromStr<Err = Fault>>(text: Option<String>) -> Result<Option<T>, Fault> {
    text.map(|text| text.parse()).transpose()
}

/// A whole number in a query string, such as `page`.
///
/// # Errors
/// `invalid` for anything else.
pub fn number(text: Option<String>) -> Result<Option<u64>, Fault> {
    text.map(crate::strict_json::from_str).transpose()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_days_that_exist_are_days() {
        assert!("2028-02-29".parse::<Day>().is_ok());
        for text in
            ["2026-02-29", "2026-2-1", "0001-01-01", "9999-12-31", "26-01-01", "2026-01-01T00:00:00", "+2026-01-1", ""]
        {
            assert!(text.parse::<Day>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_id_is_positive() {
        assert_eq!("17".parse::<Id>().unwrap().get(), 17);
        for text in ["0", "-1", "+1", "9223372036854775808", "1.0", ""] {
            assert!(text.parse::<Id>().is_err(), "{text}");
        }
    }
}
