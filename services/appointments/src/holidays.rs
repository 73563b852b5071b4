//! Public holidays: India's national ones, and a calendar for each state and union territory. Data, with its sources, is in
//! `data/holidays/`; a new year is new lines there. A state says a year ahead which days of the moon it keeps, so that its calendar
//! ends: behind that a day may be a holiday that is not known yet.

use std::collections::BTreeMap;
use std::str::FromStr;

use chrono::{Datelike, Months, NaiveDate};

/// Holidays of a place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holidays {
    /// Month and day of those that are the same every year.
    yearly: BTreeMap<(u32, u32), &'static str>,
    dated: BTreeMap<NaiveDate, &'static str>,
}

const NATIONAL: &str = include_str!("../data/holidays/IN.csv");

/// By the code of ISO 3166-2:IN.
const STATES: [(&str, &str); 36] = [
    ("AN", include_str!("../data/holidays/AN.csv")),
    ("AP", include_str!("../data/holidays/AP.csv")),
    ("AR", include_str!("../data/holidays/AR.csv")),
    ("AS", include_str!("../data/holidays/AS.csv")),
    ("BR", include_str!("../data/holidays/BR.csv")),
    ("CG", include_str!("../data/holidays/CG.csv")),
    ("CH", include_str!("../data/holidays/CH.csv")),
    ("DH", include_str!("../data/holidays/DH.csv")),
    ("DL", include_str!("../data/holidays/DL.csv")),
    ("GA", include_str!("../data/holidays/GA.csv")),
    ("GJ", include_str!("../data/holidays/GJ.csv")),
    ("HP", include_str!("../data/holidays/HP.csv")),
    ("HR", include_str!("../data/holidays/HR.csv")),
    ("JH", include_str!("../data/holidays/JH.csv")),
    ("JK", include_str!("../data/holidays/JK.csv")),
    ("KA", include_str!("../data/holidays/KA.csv")),
    ("KL", include_str!("../data/holidays/KL.csv")),
    ("LA", include_str!("../data/holidays/LA.csv")),
    ("LD", include_str!("../data/holidays/LD.csv")),
    ("MH", include_str!("../data/holidays/MH.csv")),
    ("ML", include_str!("../data/holidays/ML.csv")),
    ("MN", include_str!("../data/holidays/MN.csv")),
    ("MP", include_str!("../data/holidays/MP.csv")),
    ("MZ", include_str!("../data/holidays/MZ.csv")),
    ("NL", include_str!("../data/holidays/NL.csv")),
    ("OD", include_str!("../data/holidays/OD.csv")),
    ("PB", include_str!("../data/holidays/PB.csv")),
    ("PY", include_str!("../data/holidays/PY.csv")),
    ("RJ", include_str!("../data/holidays/RJ.csv")),
    ("SK", include_str!("../data/holidays/SK.csv")),
    ("TN", include_str!("../data/holidays/TN.csv")),
    ("TR", include_str!("../data/holidays/TR.csv")),
    ("TS", include_str!("../data/holidays/TS.csv")),
    ("UK", include_str!("../data/holidays/UK.csv")),
    ("UP", include_str!("../data/holidays/UP.csv")),
    ("WB", include_str!("../data/holidays/WB.csv")),
];

impl Holidays {
    /// The name of the holiday that a day is.
    pub fn on(&self, date: NaiveDate) -> Option<&'static str> {
        self.dated.get(&date).or_else(|| self.yearly.get(&(date.month(), date.day()))).copied()
    }

    /// Those from one day to another, both included.
    pub fn between(&self, first: NaiveDate, last: NaiveDate) -> Vec<NaiveDate> {
        first.iter_days().take_while(|date| *date <= last).filter(|date| self.on(*date).is_some()).collect()
    }

    /// The last day of the calendar: a later one may be a holiday that is not known yet. `None` where every year is like the other.
    pub fn known_until(&self) -> Option<NaiveDate> {
        let (last, _) = self.dated.last_key_value()?;
        NaiveDate::from_ymd_opt(last.year(), 12, 31)
    }

    /// The same, where it is less than a year from a day: somebody has to add the next one.
    pub fn ends_within_a_year(&self, of: NaiveDate) -> Option<NaiveDate> {
        self.known_until().filter(|last| of.checked_add_months(Months::new(12)).is_some_and(|year| *last < year))
    }

    /// Adds the lines of a file.
    fn read(&mut self, file: &'static str) -> Result<(), String> {
        for line in file.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (day, name) = line.split_once(',').ok_or_else(|| format!("no name in {line}"))?;
            match day.strip_prefix("*-") {
                // 2028 is a leap year: every day of a year is one of its days.
                Some(day) => {
                    let day: NaiveDate = format!("2028-{day}").parse().map_err(|why| format!("{line}: {why}"))?;
                    self.yearly.insert((day.month(), day.day()), name);
                }
                None => {
                    self.dated.insert(day.parse().map_err(|why| format!("{line}: {why}"))?, name);
                }
            }
        }
        Ok(())
    }
}

impl FromStr for Holidays {
    type Err = String;

    /// `none`; `IN`: the national holidays; `IN-KA`: those of Karnataka too.
    fn from_str(place: &str) -> Result<Self, String> {
        let mut holidays = Self::default();
        if place == "none" {
            return Ok(holidays);
        }
        holidays.read(NATIONAL)?;
        if place == "IN" {
            return Ok(holidays);
        }
        let code = place.strip_prefix("IN-").unwrap_or_default();
        let known = STATES.iter().find(|(known, _)| *known == code);
        let (_, file) = known.ok_or("it is none, IN, or IN- and a state's code, such as IN-KA")?;
        holidays.read(file)?;
        Ok(holidays)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn every_states_calendar_can_be_read_and_has_the_national_days() {
        for (code, _) in STATES {
            let holidays: Holidays = format!("IN-{code}").parse().unwrap();
            for year in 2026..2031 {
                for day in ["01-26", "08-15", "10-02"] {
                    assert!(holidays.on(date(&format!("{year}-{day}"))).is_some(), "{code} {year}-{day}");
                }
            }
            for year in 2026..2029 {
                let days = holidays.between(date(&format!("{year}-01-01")), date(&format!("{year}-12-31"))).len();
                assert!((12..60).contains(&days), "{code} has {days} holidays in {year}");
                assert!(holidays.on(date(&format!("{year}-12-25"))).is_some(), "{code} {year}: Christmas");
            }
        }
    }

    #[test]
    fn a_states_days_are_its_own() {
        let (karnataka, kerala): (Holidays, Holidays) = ("IN-KA".parse().unwrap(), "IN-KL".parse().unwrap());
        assert_eq!(karnataka.on(date("2026-03-19")), Some("Ugadi"));
        assert_eq!(kerala.on(date("2026-03-19")), None);
        assert_eq!("IN".parse::<Holidays>().unwrap().on(date("2026-11-08")), None);
    }

    #[test]
    fn it_is_known_until_when_a_calendar_goes() {
        for (code, _) in STATES {
            let holidays: Holidays = format!("IN-{code}").parse().unwrap();
            assert_eq!(holidays.known_until(), Some(date("2028-12-31")), "{code}");
            assert_eq!(holidays.ends_within_a_year(date("2027-12-31")), None, "{code}");
            assert_eq!(holidays.ends_within_a_year(date("2028-01-01")), Some(date("2028-12-31")), "{code}");
            assert_eq!(holidays.ends_within_a_year(date("2030-01-01")), Some(date("2028-12-31")), "{code}");
        }
        for always in ["none", "IN"] {
            let holidays: Holidays = always.parse().unwrap();
            assert_eq!((holidays.known_until(), holidays.ends_within_a_year(date("2040-01-01"))), (None, None));
        }
    }

    #[test]
    fn a_place_that_is_none_is_refused() {
        for bad in ["", "KA", "IN-", "IN-XX", "in", "NONE"] {
            assert!(bad.parse::<Holidays>().is_err(), "{bad}");
        }
        assert_eq!("none".parse(), Ok(Holidays::default()));
    }
}
