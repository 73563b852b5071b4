//! Numbers of documents: consecutive and without a gap within a financial year (CGST Rules, rule 46(b); of credit notes
//! rule 53(1A)(c), of receipt vouchers rule 50(b), of refund vouchers rule 51(b)).

use std::fmt;
use std::str::FromStr;

use chassis::prepared::Prepare as _;
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use chrono_tz::Asia::Kolkata;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::error::Error;
use crate::schema::invoice_counters;
use crate::supplier::Gstin;

/// What an instant's date is to Indian tax law, wherever the hospital's own clocks stand.
pub fn day_in_india(at: DateTime<Utc>) -> NaiveDate {
    at.with_timezone(&Kolkata).date_naive()
}

/// A financial year: 1 April to 31 March.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FinancialYear(i16);

impl FinancialYear {
    /// The one that a day lies in.
    pub fn of(day: NaiveDate) -> Self {
        let year = if day.month() >= 4 { day.year() } else { day.year() - 1 };
        Self(i16::try_from(year).unwrap_or(i16::MAX))
    }

    /// The year in which it begins.
    pub const fn begins(self) -> i16 {
        self.0
    }
}

impl fmt::Display for FinancialYear {
    /// `2627` for 2026–27.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}{:02}", self.0.rem_euclid(100), (self.0 + 1).rem_euclid(100))
    }
}

/// Begins every number of a series: one to three capital letters or digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series(String);

impl Series {
    /// The letters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Series {
    /// That of credit notes, unless the hospital says otherwise.
    pub fn of_credit_notes() -> Self {
        Self("CN".to_owned())
    }

    /// That of receipt vouchers, unless the hospital says otherwise.
    pub fn of_receipt_vouchers() -> Self {
        Self("RV".to_owned())
    }

    /// That of refund vouchers, unless the hospital says otherwise.
    pub fn of_refund_vouchers() -> Self {
        Self("RF".to_owned())
    }
}

impl Default for Series {
    fn default() -> Self {
        Self("EHS".to_owned())
    }
}

impl FromStr for Series {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        if (1..=3).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err("must be one to three capital letters or digits")
        }
    }
}

/// A number that was taken: it belongs to the transaction that took it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number {
    /// As printed: `EHS/2627/000001`.
    pub text: String,
    /// The financial year.
    pub year: FinancialYear,
    /// Its place in the series.
    pub serial: i64,
}

/// The largest serial that fits: three letters, four digits of the year and two slashes leave seven of sixteen characters.
const LAST_SERIAL: i64 = 9_999_999;

impl Number {
    /// Takes the next number of the series for the year that `day` lies in.
    ///
    /// The counter's row stays locked until the caller's transaction ends, so that the next number is given only when it is
    /// known whether this one is used: call it as late as possible.
    ///
    /// # Errors
    /// [`Error::NumbersUsedUp`] when the year has no number left, or from the database.
    pub async fn take(
        conn: &mut AsyncPgConnection,
        gstin: &Gstin,
        series: &Series,
        day: NaiveDate,
    ) -> Result<Self, Error> {
        let year = FinancialYear::of(day);
        let serial: i64 = diesel::insert_into(invoice_counters::table)
            .values((
                invoice_counters::gstin.eq(gstin.as_str()),
                invoice_counters::series.eq(series.as_str()),
                invoice_counters::financial_year.eq(year.begins()),
                invoice_counters::last_serial.eq(1_i64),
            ))
            .on_conflict((invoice_counters::gstin, invoice_counters::series, invoice_counters::financial_year))
            .do_update()
            .set(invoice_counters::last_serial.eq(invoice_counters::last_serial + 1))
            .returning(invoice_counters::last_serial)
            .prepared()
            .get_result(conn)
            .await?;
        if serial > LAST_SERIAL {
            return Err(Error::NumbersUsedUp);
        }
        Ok(Self { text: format!("{}/{year}/{serial:06}", series.as_str()), year, serial })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::as_conversions)]
mod tests {
    use super::*;

    #[test]
    fn the_year_turns_at_midnight_in_india() {
        for (at, day, year) in [
            ("2027-03-31T18:29:59.999Z", "2027-03-31", "2627"),
            ("2027-03-31T18:30:00Z", "2027-04-01", "2728"),
            ("2026-04-01T00:00:00Z", "2026-04-01", "2627"),
            ("2026-12-31T18:30:00Z", "2027-01-01", "2627"),
            ("2099-04-01T00:00:00Z", "2099-04-01", "9900"),
        ] {
            let in_india = day_in_india(at.parse().unwrap());
            assert_eq!(in_india.to_string(), day);
            assert_eq!(FinancialYear::of(in_india).to_string(), year);
        }
    }

    #[test]
    fn the_longest_number_has_sixteen_characters() {
        assert_eq!(format!("{}/{}/{LAST_SERIAL:06}", "EHS", FinancialYear(2026)).len(), 16);
        assert!("ABCD".parse::<Series>().is_err() && "a".parse::<Series>().is_err() && "".parse::<Series>().is_err());
    }
}
