//! Dates with a prefix, as R4 compares them (3.1.1.4.6): a date is the time from its beginning to its end, and two of them
//! are compared as such.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Utc};
use serde::{Deserialize, Serialize};

use super::Fault;

/// How a date is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Prefix {
    /// Within it; also without a prefix.
    Eq,
    /// Not within it.
    Ne,
    /// Some of it is after.
    Gt,
    /// Some of it is before.
    Lt,
    /// After, or within.
    Ge,
    /// Before, or within.
    Le,
}

/// A comparison with a date of which day, or month and day, may be left out.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DateTest {
    /// How.
    pub prefix: Prefix,
    /// The first day of what was said.
    pub first: NaiveDate,
    /// The last day of it.
    pub last: NaiveDate,
}

/// Days from one to another, both included; open where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayWindow {
    /// The first day.
    pub from: Option<NaiveDate>,
    /// The last day.
    pub to: Option<NaiveDate>,
}

/// A comparison with a time.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstantTest {
    /// How.
    pub prefix: Prefix,
    /// When what was said begins.
    pub from: DateTime<Utc>,
    /// When it is over: the first instant after it.
    pub until: DateTime<Utc>,
}

impl DayWindow {
    const NONE: Self = Self { from: NaiveDate::from_ymd_opt(1, 1, 2), to: NaiveDate::from_ymd_opt(1, 1, 1) };

    /// Whether a day lies in it.
    pub fn has(self, day: NaiveDate) -> bool {
        self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day <= to)
    }
}

impl DateTest {
    pub(crate) fn read(text: &str) -> Result<Self, Fault> {
        let (prefix, date) = prefix_of(text)?;
        let (first, last) = days_of(date).ok_or_else(|| {
            Fault::new(
                "invalid_date",
                "must be a date that exists: YYYY, YYYY-MM or YYYY-MM-DD, behind eq, ne, gt, lt, ge or le",
            )
        })?;
        Ok(Self { prefix, first, last })
    }

    /// The days of birth that pass, where the day is known. Of `ne`: those that do not.
    pub fn of_days(&self) -> DayWindow {
        let after = DayWindow { from: self.last.checked_add_days(Days::new(1)), to: None };
        let before = DayWindow { from: None, to: self.first.checked_sub_days(Days::new(1)) };
        match self.prefix {
            Prefix::Eq | Prefix::Ne => DayWindow { from: Some(self.first), to: Some(self.last) },
            Prefix::Gt => after,
            Prefix::Lt => before,
            Prefix::Ge => DayWindow { from: Some(self.first), to: None },
            Prefix::Le => DayWindow { from: None, to: Some(self.last) },
        }
    }

    /// The same where only the year is known: the days of all years that pass. Of `ne`: those that do not.
    pub fn of_years(&self) -> DayWindow {
        let within = self.whole_years();
        // Some of a year is after a day when the year's last day is.
        let after = DayWindow { from: self.last.checked_add_days(Days::new(1)).and_then(first_of_year), to: None };
        let before = DayWindow { from: None, to: self.first.checked_sub_days(Days::new(1)).and_then(last_of_year) };
        match self.prefix {
            Prefix::Eq | Prefix::Ne => within,
            Prefix::Gt => after,
            Prefix::Lt => before,
            Prefix::Ge if within.from <= within.to => DayWindow { from: within.from.min(after.from), to: None },
            Prefix::Ge => after,
            Prefix::Le if within.from <= within.to => DayWindow { from: None, to: within.to.max(before.to) },
            Prefix::Le => before,
        }
    }

    /// The years that lie whole within what was said.
    fn whole_years(&self) -> DayWindow {
        let from = match first_of_year(self.first) {
            Some(first) if first == self.first => Some(first),
            _ => self.first.year().checked_add(1).and_then(|year| NaiveDate::from_ymd_opt(year, 1, 1)),
        };
        let to = match last_of_year(self.last) {
            Some(last) if last == self.last => Some(last),
            _ => self.last.year().checked_sub(1).and_then(|year| NaiveDate::from_ymd_opt(year, 12, 31)),
        };
        if from.is_some() && to.is_some() && from <= to { DayWindow { from, to } } else { DayWindow::NONE }
    }
}

impl InstantTest {
    pub(crate) fn read<Z: TimeZone>(text: &str, zone: &Z) -> Result<Self, Fault> {
        let (prefix, time) = prefix_of(text)?;
        let read = days_of(time).and_then(|(first, last)| of_days(first, last, zone)).or_else(|| of_time(time, zone));
        let (from, until) = read.ok_or_else(|| {
            Fault::new(
                "invalid_date",
                "must be a time that exists: YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss with Z or an offset, behind eq, ne, gt, lt, ge or le",
            )
        })?;
        Ok(Self { prefix, from, until })
    }

    /// Whether a time passes.
    pub fn passes(&self, time: DateTime<Utc>) -> bool {
        let within = self.from <= time && time < self.until;
        match self.prefix {
            Prefix::Eq => within,
            Prefix::Ne => !within,
            Prefix::Gt => self.until <= time,
            Prefix::Lt => time < self.from,
            Prefix::Ge => self.from <= time,
            Prefix::Le => time < self.until,
        }
    }
}

fn prefix_of(text: &str) -> Result<(Prefix, &str), Fault> {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return Ok((Prefix::Eq, text));
    }
    let known = [
        ("eq", Prefix::Eq),
        ("ne", Prefix::Ne),
        ("gt", Prefix::Gt),
        ("lt", Prefix::Lt),
        ("ge", Prefix::Ge),
        ("le", Prefix::Le),
    ];
    let found = known.into_iter().find_map(|(word, prefix)| Some((prefix, text.strip_prefix(word)?)));
    found.ok_or_else(|| Fault::new("unknown_prefix", "takes the prefixes eq, ne, gt, lt, ge and le"))
}

/// The first and the last day of a date; the years that people can mean.
fn days_of(text: &str) -> Option<(NaiveDate, NaiveDate)> {
    let shaped =
        text.bytes().enumerate().all(|(at, b)| if at == 4 || at == 7 { b == b'-' } else { b.is_ascii_digit() });
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<u32>().ok();
    let year = i32::try_from(number(0, 4)?).ok().filter(|year| shaped && (1000..=9998).contains(year))?;
    match text.len() {
        4 => Some((NaiveDate::from_ymd_opt(year, 1, 1)?, NaiveDate::from_ymd_opt(year, 12, 31)?)),
        7 => {
            let first = NaiveDate::from_ymd_opt(year, number(5, 7)?, 1)?;
            Some((first, first.checked_add_months(Months::new(1))?.checked_sub_days(Days::new(1))?))
        }
        10 => {
            let day = NaiveDate::from_ymd_opt(year, number(5, 7)?, number(8, 10)?)?;
            Some((day, day))
        }
        _ => None,
    }
}

fn of_days<Z: TimeZone>(first: NaiveDate, last: NaiveDate, zone: &Z) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let begins = |day: NaiveDate| Some(local(day.and_hms_opt(0, 0, 0)?, zone)?.to_utc());
    Some((begins(first)?, begins(last.checked_add_days(Days::new(1))?)?))
}

/// A time of day, to the minute, the second or a part of it. A `+` that was not encoded came as a space.
fn of_time<Z: TimeZone>(text: &str, zone: &Z) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let (day, rest) = text.split_once('T')?;
    let (first, last) = days_of(day)?;
    let at = rest.find(['Z', '+', '-', ' ']).unwrap_or(rest.len());
    let (clock, offset) = rest.split_at_checked(at)?;
    let (whole, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let (format, length) = match whole.len() {
        5 if fraction.is_empty() && !clock.contains('.') => ("%H:%M", TimeDelta::try_minutes(1)?),
        8 => ("%H:%M:%S", part_of_a_second(clock, fraction)?),
        _ => return None,
    };
    let time = chrono::NaiveTime::parse_from_str(whole, format).ok().filter(|_| first == last)?;
    let nanos = if fraction.is_empty() { 0 } else { format!("{fraction:0<9}").parse::<i64>().ok()? };
    let local_time = first.and_time(time).checked_add_signed(TimeDelta::nanoseconds(nanos))?;
    let from = match offset {
        "" => local(local_time, zone)?.to_utc(),
        "Z" => local_time.and_utc(),
        offset => DateTime::parse_from_str(
            &format!("{} {}", local_time.format("%Y-%m-%dT%H:%M:%S%.f"), offset.replace(' ', "+")),
            "%Y-%m-%dT%H:%M:%S%.f %:z",
        )
        .ok()?
        .to_utc(),
    };
    Some((from, from.checked_add_signed(length)?))
}

/// How long a time is that was said so exactly.
fn part_of_a_second(clock: &str, fraction: &str) -> Option<TimeDelta> {
    let digits = fraction.len();
    if clock.contains('.') && (digits == 0 || digits > 9 || !fraction.bytes().all(|b| b.is_ascii_digit())) {
        return None;
    }
    let power = u32::try_from(9_usize.checked_sub(digits)?).ok()?;
    Some(TimeDelta::nanoseconds(10_i64.checked_pow(power)?))
}

/// A local time; of one that is there twice the earlier, of one that a clock skips the one an hour later.
fn local<Z: TimeZone>(time: NaiveDateTime, zone: &Z) -> Option<DateTime<Z>> {
    let later = || zone.from_local_datetime(&time.checked_add_signed(TimeDelta::try_hours(1)?)?).earliest();
    zone.from_local_datetime(&time).earliest().or_else(later)
}

fn first_of_year(day: NaiveDate) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(day.year(), 1, 1)
}

fn last_of_year(day: NaiveDate) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(day.year(), 12, 31)
}
