//! Recurrence rules (RFC 5545, 3.3.10), as far as appointments need them: by day, week and month, with an end. Pure.
//!
//! A day is looked at by itself: it belongs to the rule or not. Nothing is computed forward, so that no day can be missed.

use std::str::FromStr;

use chassis::strict_json::Fault;
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Utc};

/// Appointments of one series at most.
pub const MOST: usize = 52;
/// Days that are looked through; nobody is booked further ahead.
const HORIZON: usize = 3 * 366;

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    freq: Freq,
    interval: i64,
    by_day: Vec<(Option<i64>, u32)>,
    by_month_day: Vec<i64>,
    end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Freq {
    Daily,
    Weekly,
    Monthly,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Count(usize),
    UntilDay(NaiveDate),
    UntilInstant(DateTime<Utc>),
}

const DAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

impl FromStr for Rule {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let mut parts = Parts::default();
        let text = text.trim().to_ascii_uppercase();
        for part in text.strip_prefix("RRULE:").unwrap_or(&text).split(';') {
            let (name, value) = part.split_once('=').ok_or_else(|| invalid("must be NAME=VALUE parts, apart by ;"))?;
            parts.take(name, value)?;
        }
        parts.rule()
    }
}

#[derive(Default)]
struct Parts {
    freq: Option<Freq>,
    interval: Option<i64>,
    by_day: Option<Vec<(Option<i64>, u32)>>,
    by_month_day: Option<Vec<i64>>,
    end: Option<End>,
}

fn invalid(message: impl Into<String>) -> Fault {
    Fault::new("invalid_rrule", message)
}

fn set<T>(slot: &mut Option<T>, name: &str, value: T) -> Result<(), Fault> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(invalid(format!("has {name} more than once"))),
    }
}

fn number(value: &str, name: &str, least: i64, most: i64) -> Result<i64, Fault> {
    let digits = value.strip_prefix(['-', '+']).unwrap_or(value);
    let plain = !digits.is_empty() && digits.len() <= 4 && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = value.parse().ok().filter(|number| plain && (least..=most).contains(number));
    number.ok_or_else(|| invalid(format!("{name} must be a number from {least} to {most}")))
}

impl Parts {
    fn take(&mut self, name: &str, value: &str) -> Result<(), Fault> {
        match name {
            "FREQ" => {
                let freq = match value {
                    "DAILY" => Freq::Daily,
                    "WEEKLY" => Freq::Weekly,
                    "MONTHLY" => Freq::Monthly,
                    _ => return Err(invalid("FREQ must be DAILY, WEEKLY or MONTHLY")),
                };
                set(&mut self.freq, name, freq)
            }
            "INTERVAL" => set(&mut self.interval, name, number(value, name, 1, 366)?),
            "COUNT" => {
                let most = i64::try_from(MOST).unwrap_or(i64::MAX);
                let count = usize::try_from(number(value, name, 1, most)?).unwrap_or(MOST);
                set(&mut self.end, "COUNT or UNTIL", End::Count(count))
            }
            "UNTIL" => set(&mut self.end, "COUNT or UNTIL", until(value)?),
            "BYDAY" => {
                let days = value.split(',').map(by_day).collect::<Result<Vec<_>, _>>()?;
                set(&mut self.by_day, name, days)
            }
            "BYMONTHDAY" => {
                let days = value.split(',').map(|day| number(day, name, -31, 31)).collect::<Result<Vec<_>, _>>()?;
                if days.contains(&0) {
                    return Err(invalid("BYMONTHDAY has no day 0"));
                }
                set(&mut self.by_month_day, name, days)
            }
            "WKST" if value == "MO" => Ok(()),
            _ => Err(invalid("has a part other than FREQ, INTERVAL, COUNT, UNTIL, BYDAY, BYMONTHDAY and WKST=MO")),
        }
    }

    fn rule(self) -> Result<Rule, Fault> {
        let freq = self.freq.ok_or_else(|| invalid("has no FREQ"))?;
        let end = self.end.ok_or_else(|| Fault::new("without_end", "must end: give COUNT or UNTIL"))?;
        let by_day = self.by_day.unwrap_or_default();
        let by_month_day = self.by_month_day.unwrap_or_default();
        if freq != Freq::Monthly && by_day.iter().any(|(nth, _)| nth.is_some()) {
            return Err(invalid("only FREQ=MONTHLY has the first, second or last weekday"));
        }
        if freq == Freq::Weekly && !by_month_day.is_empty() {
            return Err(invalid("FREQ=WEEKLY has no BYMONTHDAY"));
        }
        Ok(Rule { freq, interval: self.interval.unwrap_or(1), by_day, by_month_day, end })
    }
}

fn until(value: &str) -> Result<End, Fault> {
    let wrong = || invalid("UNTIL must be YYYYMMDD or YYYYMMDDTHHMMSSZ");
    if !value.is_ascii() || !matches!(value.len(), 8 | 16) {
        return Err(wrong());
    }
    match value.strip_suffix('Z') {
        Some(instant) => NaiveDateTime::parse_from_str(instant, "%Y%m%dT%H%M%S")
            .map(|instant| End::UntilInstant(instant.and_utc()))
            .map_err(|_why| wrong()),
        None => NaiveDate::parse_from_str(value, "%Y%m%d").map(End::UntilDay).map_err(|_why| wrong()),
    }
}

/// `MO`, or `2MO`, or `-1FR`.
fn by_day(text: &str) -> Result<(Option<i64>, u32), Fault> {
    let wrong = || invalid("BYDAY must be MO to SU, for FREQ=MONTHLY also 1MO to 5SU and -1MO to -5SU");
    let (nth, day) = text.len().checked_sub(2).and_then(|at| text.split_at_checked(at)).ok_or_else(wrong)?;
    let weekday = (0..).zip(DAYS).find(|(_, name)| *name == day).map(|(weekday, _)| weekday).ok_or_else(wrong)?;
    if nth.is_empty() {
        return Ok((None, weekday));
    }
    let nth = number(nth, "BYDAY", -5, 5).ok().filter(|nth| *nth != 0).ok_or_else(wrong)?;
    Ok((Some(nth), weekday))
}

impl Rule {
    /// The days of the series that begins on `first`; `start_of` gives when the appointment of a day begins.
    ///
    /// # Errors
    /// When `first` is none of them, or they are too many, or reach too far.
    pub fn days(
        &self,
        first: NaiveDate,
        start_of: impl Fn(NaiveDate) -> Option<DateTime<Utc>>,
    ) -> Result<Vec<NaiveDate>, Fault> {
        if !self.holds(first, first) {
            return Err(Fault::new("not_on_first_day", "does not fall on date, the first day"));
        }
        let mut days = Vec::new();
        for date in first.iter_days().take(HORIZON) {
            if self.is_over(date, days.len(), &start_of) {
                return self.some(days);
            }
            if self.holds(first, date) {
                days.push(date);
            }
            if days.len() > MOST {
                return Err(Fault::new("too_many", format!("gives more than {MOST} appointments")));
            }
        }
        Err(Fault::new("too_far_ahead", "reaches more than three years ahead"))
    }

    fn some(&self, days: Vec<NaiveDate>) -> Result<Vec<NaiveDate>, Fault> {
        if days.is_empty() { Err(Fault::new("empty", "ends before it begins")) } else { Ok(days) }
    }

    fn is_over(&self, date: NaiveDate, found: usize, start_of: impl Fn(NaiveDate) -> Option<DateTime<Utc>>) -> bool {
        match self.end {
            End::Count(count) => found >= count,
            End::UntilDay(last) => date > last,
            End::UntilInstant(last) => start_of(date).is_none_or(|start| start > last),
        }
    }

    /// Whether a day belongs to the series that begins on `first`.
    fn holds(&self, first: NaiveDate, date: NaiveDate) -> bool {
        let steps = match self.freq {
            Freq::Daily => (date - first).num_days(),
            Freq::Weekly => (monday_of(date) - monday_of(first)).num_days() / 7,
            Freq::Monthly => month_of(date) - month_of(first),
        };
        if steps % self.interval != 0 {
            return false;
        }
        let by_day = self.by_day.iter().any(|&(nth, weekday)| is_nth(date, nth, weekday));
        let by_month_day = self.by_month_day.iter().any(|&day| is_month_day(date, day));
        match (self.by_day.is_empty(), self.by_month_day.is_empty()) {
            (false, false) => by_day && by_month_day,
            (false, true) => by_day,
            (true, false) => by_month_day,
            (true, true) => match self.freq {
                Freq::Daily => true,
                Freq::Weekly => date.weekday() == first.weekday(),
                Freq::Monthly => date.day() == first.day(),
            },
        }
    }
}

fn monday_of(date: NaiveDate) -> NaiveDate {
    let days = date.weekday().num_days_from_monday();
    date.checked_sub_days(chrono::Days::new(days.into())).unwrap_or(date)
}

fn month_of(date: NaiveDate) -> i64 {
    i64::from(date.year()) * 12 + i64::from(date.month0())
}

fn is_nth(date: NaiveDate, nth: Option<i64>, weekday: u32) -> bool {
    if date.weekday().num_days_from_monday() != weekday {
        return false;
    }
    let day = i64::from(date.day());
    let left = i64::from(date.num_days_in_month()) - day;
    match nth {
        None => true,
        Some(nth) if nth > 0 => (day - 1) / 7 + 1 == nth,
        Some(nth) => left / 7 + 1 == -nth,
    }
}

fn is_month_day(date: NaiveDate, wanted: i64) -> bool {
    let day = i64::from(date.day());
    if wanted > 0 { day == wanted } else { day - i64::from(date.num_days_in_month()) - 1 == wanted }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn days(rule: &str, first: &str) -> Result<Vec<String>, &'static str> {
        let rule: Rule = rule.parse().map_err(|fault: Fault| fault.code)?;
        let days = rule.days(first.parse().unwrap(), |date| Some(date.and_hms_opt(4, 30, 0).unwrap().and_utc()));
        days.map(|days| days.iter().map(ToString::to_string).collect()).map_err(|fault| fault.code)
    }

    #[test]
    fn the_standards_examples_give_the_standards_days() {
        // RFC 5545, 3.8.5.3, with the years of the standard.
        let of = |rule: &str, first: &str| days(rule, first).unwrap();
        assert_eq!(of("FREQ=DAILY;COUNT=10", "1997-09-02").last().unwrap(), "1997-09-11");
        assert_eq!(
            of("FREQ=DAILY;INTERVAL=10;COUNT=5", "1997-09-02"),
            ["1997-09-02", "1997-09-12", "1997-09-22", "1997-10-02", "1997-10-12"]
        );
        assert_eq!(of("FREQ=WEEKLY;UNTIL=19971224T000000Z", "1997-09-02").len(), 17);
        assert_eq!(
            of("FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=MO;BYDAY=TU,TH", "1997-09-02"),
            [
                "1997-09-02",
                "1997-09-04",
                "1997-09-16",
                "1997-09-18",
                "1997-09-30",
                "1997-10-02",
                "1997-10-14",
                "1997-10-16"
            ]
        );
        assert_eq!(
            of("FREQ=MONTHLY;COUNT=6;BYDAY=-2MO", "1997-09-22"),
            ["1997-09-22", "1997-10-20", "1997-11-17", "1997-12-22", "1998-01-19", "1998-02-16"]
        );
        assert_eq!(of("FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU", "1997-09-07").last().unwrap(), "1998-05-31");
        assert_eq!(
            of("RRULE:FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5", "2007-01-15"),
            ["2007-01-15", "2007-01-30", "2007-02-15", "2007-03-15", "2007-03-30"]
        );
        assert_eq!(
            of("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13;COUNT=3", "1998-02-13"),
            ["1998-02-13", "1998-03-13", "1998-11-13"]
        );
    }

    #[test]
    fn a_day_that_a_month_does_not_have_is_left_out() {
        assert_eq!(days("FREQ=MONTHLY;COUNT=3", "2027-01-31").unwrap(), ["2027-01-31", "2027-03-31", "2027-05-31"]);
        assert_eq!(
            days("FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=3", "2028-01-31").unwrap(),
            ["2028-01-31", "2028-02-29", "2028-03-31"]
        );
    }

    #[test]
    fn the_last_day_counts_and_the_last_instant_too() {
        assert_eq!(days("FREQ=DAILY;UNTIL=20270103", "2027-01-01").unwrap().len(), 3);
        assert_eq!(days("FREQ=DAILY;UNTIL=20270103T043000Z", "2027-01-01").unwrap().len(), 3);
        assert_eq!(days("FREQ=DAILY;UNTIL=20270103T042959Z", "2027-01-01").unwrap().len(), 2);
    }

    #[test]
    fn what_is_no_rule_of_ours_is_refused() {
        for (rule, code) in [
            ("FREQ=WEEKLY", "without_end"),
            ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO", "without_end"),
            ("COUNT=3", "invalid_rrule"),
            ("", "invalid_rrule"),
            ("FREQ=YEARLY;COUNT=2", "invalid_rrule"),
            ("FREQ=SECONDLY;COUNT=2", "invalid_rrule"),
            ("FREQ=DAILY;COUNT=53", "invalid_rrule"),
            ("FREQ=DAILY;COUNT=0", "invalid_rrule"),
            ("FREQ=DAILY;COUNT=-1", "invalid_rrule"),
            ("FREQ=DAILY;COUNT=2;UNTIL=20270101", "invalid_rrule"),
            ("FREQ=DAILY;FREQ=DAILY;COUNT=2", "invalid_rrule"),
            ("FREQ=DAILY;INTERVAL=0;COUNT=2", "invalid_rrule"),
            ("FREQ=DAILY;COUNT=2;BYHOUR=9", "invalid_rrule"),
            ("FREQ=WEEKLY;COUNT=2;BYDAY=2MO", "invalid_rrule"),
            ("FREQ=MONTHLY;COUNT=2;BYDAY=6MO", "invalid_rrule"),
            ("FREQ=MONTHLY;COUNT=2;BYMONTHDAY=0", "invalid_rrule"),
            ("FREQ=DAILY;UNTIL=2027-01-01", "invalid_rrule"),
            ("FREQ=DAILY;UNTIL=२०२७०१०१", "invalid_rrule"),
            ("FREQ=DAILY;UNTIL=20280101", "too_many"),
            ("FREQ=DAILY;UNTIL=20261231", "empty"),
            ("FREQ=MONTHLY;INTERVAL=12;COUNT=10", "too_far_ahead"),
            ("FREQ=WEEKLY;BYDAY=TU;COUNT=3", "not_on_first_day"),
        ] {
            assert_eq!(days(rule, "2027-01-01"), Err(code), "{rule}");
        }
    }
}
