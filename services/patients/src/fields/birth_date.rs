//! Dates of birth.

use chassis::strict_json::Fault;
use chrono::{NaiveDate, TimeDelta, Utc};

/// Nobody alive was born before it.
const FIRST_YEAR: i32 = 1875;

/// A date of birth as `YYYY-MM-DD`, which must have come in the zone where a day begins first (UTC+14): a child born
/// just after midnight in the hospital is never refused.
///
/// # Errors
/// `invalid_date`, `too_early` or `in_future`.
pub fn optional(text: Option<String>) -> Result<Option<NaiveDate>, Fault> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let date =
        calendar_date(&text).ok_or_else(|| Fault::new("invalid_date", "must be a date that exists, as YYYY-MM-DD"))?;
    let earliest_zone = Utc::now().naive_utc().checked_add_signed(TimeDelta::hours(14));
    within(date, earliest_zone.map_or(NaiveDate::MAX, |now| now.date())).map(Some)
}

/// A date in exactly the form `YYYY-MM-DD`.
pub fn calendar_date(text: &str) -> Option<NaiveDate> {
    if text.len() != 10 || !text.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
        return None;
    }
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()
}

/// The date, unless it is before 1875 or after today.
///
/// # Errors
/// `too_early` or `in_future`.
pub fn within(date: NaiveDate, today: NaiveDate) -> Result<NaiveDate, Fault> {
    if NaiveDate::from_ymd_opt(FIRST_YEAR, 1, 1).is_some_and(|first| date < first) {
        return Err(Fault::new("too_early", "must not be before 1875"));
    }
    if date > today {
        return Err(Fault::new("in_future", "must not be in the future"));
    }
    Ok(date)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn code(text: &str) -> &'static str {
        optional(Some(text.to_owned())).unwrap_err().code
    }

    #[test]
    fn only_dates_that_exist_and_that_somebody_alive_can_have() {
        assert!(optional(Some("1980-02-29".to_owned())).unwrap().is_some());
        assert_eq!(optional(None).unwrap(), None);
        for text in
            ["2023-02-29", "1980-13-01", "80-01-01", "1980-1-1", "+1980-01-01", "01/02/1980", "1980-01-01T00:00:00Z"]
        {
            assert_eq!(code(text), "invalid_date", "{text}");
        }
        for text in ["0001-01-01", "1874-12-31"] {
            assert_eq!(code(text), "too_early", "{text}");
        }
        assert_eq!(code("9999-12-31"), "in_future");
    }
}
