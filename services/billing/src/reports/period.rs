//! The days that a report is about, in India.

use chassis::fields::Day;
use chassis::problem::Problem;
use chassis::strict_json::{Fault, Faults};
use chrono::{Datelike, Months, NaiveDate};
use serde::Serialize;
use utoipa::ToSchema;

use crate::listing::forward;

/// A report is about at most so many days: a leap year's.
const MOST_DAYS: i64 = 366;

/// From one day to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Period {
    /// The first day.
    pub start_date: NaiveDate,
    /// The last day.
    pub end_date: NaiveDate,
}

impl Period {
    /// From the parameters `start_date` and `end_date`, which are required.
    ///
    /// # Errors
    /// 400 with every fault.
    pub fn of(start: Option<Day>, end: Option<Day>) -> Result<Self, Problem> {
        let mut faults = Faults::new();
        for (name, day) in [("start_date", start), ("end_date", end)] {
            if day.is_none() {
                faults.push(name, "required", "is required");
            }
        }
        faults.check()?;
        let (Some(start), Some(end)) = (start, end) else {
            return Err(Problem::internal("a period without its days"));
        };
        Self { start_date: start.get(), end_date: end.get() }.checked()
    }

    /// A calendar month, as `YYYY-MM`.
    ///
    /// # Errors
    /// The fault of what is no month.
    pub fn month(text: &str) -> Result<Self, Fault> {
        let shaped = text.len() == 7 && text.bytes().enumerate().all(|(at, byte)| (at == 4) == (byte == b'-'));
        let first = shaped.then(|| format!("{text}-01").parse::<Day>().ok()).flatten();
        let first = first.ok_or_else(|| Fault::new("invalid_month", "must be a month, as YYYY-MM"))?.get();
        let next = first.checked_add_months(Months::new(1)).and_then(|next| next.pred_opt());
        Ok(Self { start_date: first, end_date: next.unwrap_or(first) })
    }

    fn checked(self) -> Result<Self, Problem> {
        forward(Some(Day::new(self.start_date)), Some(Day::new(self.end_date)))?;
        if (self.end_date - self.start_date).num_days() >= MOST_DAYS {
            return Err(Problem::invalid("end_date", "too_long", format!("at most {MOST_DAYS} days at a time")));
        }
        Ok(self)
    }

    /// For a file's name.
    pub fn slug(&self) -> String {
        let (start, end) = (self.start_date, self.end_date);
        let whole_month = start.day() == 1 && end.succ_opt().is_some_and(|next| next.day() == 1);
        if whole_month && (start.year(), start.month()) == (end.year(), end.month()) {
            return start.format("%Y-%m").to_string();
        }
        format!("{start}-{end}")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::as_conversions)]
mod tests {
    use super::*;

    #[test]
    fn a_month_has_its_days() {
        for (text, end) in [("2026-02", "2026-02-28"), ("2028-02", "2028-02-29"), ("2026-12", "2026-12-31")] {
            let month = Period::month(text).unwrap();
            assert_eq!((month.end_date.to_string().as_str(), month.slug().as_str()), (end, text));
        }
        for text in ["2026-13", "2026-00", "2026-1", "26-01", "2026-11-01", "2026/11", "", "२०२६-११", "20261-1"]
        {
            assert!(Period::month(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_period_is_a_year_at_most_and_runs_forward() {
        let of = |start: &str, end: &str| Period::of(start.parse().ok(), end.parse().ok());
        assert!(of("2028-01-01", "2028-12-31").is_ok());
        assert!(of("2027-01-01", "2028-01-02").is_err());
        assert!(of("2027-01-02", "2027-01-01").is_err());
        assert_eq!(of("", "").unwrap_err().faults().len(), 2);
        assert_eq!(of("2026-11-01", "2026-11-07").unwrap().slug(), "2026-11-01-2026-11-07");
    }
}
