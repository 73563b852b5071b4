//! Dates and times that keep the precision they were written with.

use std::fmt;

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveTime, TimeZone, Utc};
use serde::{Serialize, Serializer};

/// How much of a date or time was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Precision {
    /// `1975`
    Year,
    /// `197504`
    Month,
    /// `19750412`
    Day,
    /// `1975041209`
    Hour,
    /// `197504120915`
    Minute,
    /// `19750412091530`, perhaps with a fraction
    Second,
}

/// A date of which the day, or month and day, may be unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartialDate {
    /// Only the year is known.
    Year(i32),
    /// Year and month, 1 to 12, are known.
    Month(i32, u32),
    /// The day is known.
    Day(NaiveDate),
}

impl PartialDate {
    /// Reads `YYYY`, `YYYYMM` or `YYYYMMDD`; nothing where there is no such date. Year 0 is none.
    pub fn parse(digits: &str) -> Option<Self> {
        let mut rest = digits;
        let year = i32::try_from(take(&mut rest, 4)?).ok().filter(|year| *year > 0)?;
        if rest.is_empty() {
            return Some(Self::Year(year));
        }
        let month = take(&mut rest, 2).filter(|month| (1..=12).contains(month))?;
        if rest.is_empty() {
            return Some(Self::Month(year, month));
        }
        let day = take(&mut rest, 2)?;
        if !rest.is_empty() {
            return None;
        }
        NaiveDate::from_ymd_opt(year, month, day).map(Self::Day)
    }

    /// How much of the date is known.
    pub fn precision(&self) -> Precision {
        match self {
            Self::Year(_) => Precision::Year,
            Self::Month(..) => Precision::Month,
            Self::Day(_) => Precision::Day,
        }
    }

    /// The first day that the date may mean. Keep [`PartialDate::precision`] beside it: alone it says more than is known.
    pub fn first_day(&self) -> Option<NaiveDate> {
        match *self {
            Self::Year(year) => NaiveDate::from_ymd_opt(year, 1, 1),
            Self::Month(year, month) => NaiveDate::from_ymd_opt(year, month, 1),
            Self::Day(day) => Some(day),
        }
    }

    /// The same date, known no better than this.
    pub fn at_most(self, precision: Precision) -> Self {
        use chrono::Datelike;
        match (precision, self) {
            (Precision::Year, Self::Month(year, _)) => Self::Year(year),
            (Precision::Year, Self::Day(day)) => Self::Year(day.year()),
            (Precision::Month, Self::Day(day)) => Self::Month(day.year(), day.month()),
            _ => self,
        }
    }
}

impl fmt::Display for PartialDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Year(year) => write!(f, "{year:04}"),
            Self::Month(year, month) => write!(f, "{year:04}-{month:02}"),
            Self::Day(day) => write!(f, "{}", day.format("%Y-%m-%d")),
        }
    }
}

impl Serialize for PartialDate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A date, perhaps with a time of day, perhaps with an offset from UTC: what was written, and no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timestamp {
    /// The date as it was written; never moved to another time zone.
    pub date: PartialDate,
    /// The time of day; what [`Timestamp::precision`] does not cover is zero.
    pub time: Option<NaiveTime>,
    /// The offset from UTC.
    pub offset: Option<FixedOffset>,
    /// How much was written.
    pub precision: Precision,
}

impl Timestamp {
    /// Reads `YYYY[MM[DD[HH[MM[SS[.S…]]]]]][±ZZZZ]`; nothing where there is no such time.
    pub fn parse(text: &str) -> Option<Self> {
        let (body, offset) = match text.rfind(['+', '-']).and_then(|at| text.split_at_checked(at)) {
            Some((body, zone)) => (body, Some(offset(zone)?)),
            None => (text, None),
        };
        let (digits, fraction) = match body.split_once('.') {
            Some((digits, fraction)) if digits.len() == 14 => (digits, micros(fraction)?),
            Some(_) => return None,
            None => (body, 0),
        };
        let Some((date, mut clock)) = digits.split_at_checked(8).filter(|(_, clock)| !clock.is_empty()) else {
            let date = PartialDate::parse(digits)?;
            return Some(Self { date, time: None, offset, precision: date.precision() });
        };
        let precision = match clock.len() {
            2 => Precision::Hour,
            4 => Precision::Minute,
            6 => Precision::Second,
            _ => return None,
        };
        let hour = take(&mut clock, 2)?;
        let minute = if clock.is_empty() { 0 } else { take(&mut clock, 2)? };
        let second = if clock.is_empty() { 0 } else { take(&mut clock, 2)? };
        let time = NaiveTime::from_hms_micro_opt(hour, minute, second, fraction)?;
        Some(Self { date: PartialDate::parse(date)?, time: Some(time), offset, precision })
    }

    /// The instant, where a time of day was written; `zone` stands in for a missing offset.
    pub fn instant(&self, zone: FixedOffset) -> Option<DateTime<Utc>> {
        let (PartialDate::Day(day), Some(time)) = (self.date, self.time) else { return None };
        let local = self.offset.unwrap_or(zone).from_local_datetime(&day.and_time(time)).single()?;
        Some(local.with_timezone(&Utc))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.date)?;
        let Some(time) = self.time else { return Ok(()) };
        match self.precision {
            Precision::Hour => write!(f, "{}", time.format("T%H"))?,
            Precision::Minute => write!(f, "{}", time.format("T%H:%M"))?,
            _ => write!(f, "{}", time.format("T%H:%M:%S%.f"))?,
        }
        self.offset.map_or(Ok(()), |offset| write!(f, "{offset}"))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The next `count` characters as a number, where all are digits.
fn take(rest: &mut &str, count: usize) -> Option<u32> {
    let (digits, tail) = rest.split_at_checked(count)?;
    *rest = tail;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

fn micros(fraction: &str) -> Option<u32> {
    if !(1..=6).contains(&fraction.len()) {
        return None;
    }
    take(&mut format!("{fraction:0<6}").as_str(), 6)
}

fn offset(zone: &str) -> Option<FixedOffset> {
    let mut digits = zone.strip_prefix(['+', '-'])?;
    let hours = take(&mut digits, 2).filter(|hours| *hours < 15)?;
    let minutes = take(&mut digits, 2).filter(|minutes| *minutes < 60)?;
    if !digits.is_empty() {
        return None;
    }
    let seconds = i32::try_from(hours * 3600 + minutes * 60).ok()?;
    FixedOffset::east_opt(if zone.starts_with('-') { -seconds } else { seconds })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Option<String> {
        Timestamp::parse(text).map(|timestamp| timestamp.to_string())
    }

    #[test]
    fn no_precision_is_invented() {
        assert_eq!(read("1975").unwrap(), "1975");
        assert_eq!(read("197504").unwrap(), "1975-04");
        assert_eq!(read("19750412").unwrap(), "1975-04-12");
        assert_eq!(read("1975041209").unwrap(), "1975-04-12T09");
        assert_eq!(read("197504120915+0530").unwrap(), "1975-04-12T09:15+05:30");
        assert_eq!(read("20210817151943.4-0200").unwrap(), "2021-08-17T15:19:43.400-02:00");
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "0000",
            "197",
            "19751",
            "197513",
            "19750431",
            "20230229",
            "1975041225",
            "197504120960",
            "19750412+05",
            "12/04/1975",
            "1975-04-12",
            "19750412.5",
            "20210817151943.",
            "20210817151943.1234567",
            "१९७५",
            "+0530",
            "19750412T10",
            "197504120915+2530",
            "+1975412",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn an_instant_needs_a_time_of_day() {
        let india = FixedOffset::east_opt(19_800).unwrap();
        let instant = |text: &str| Timestamp::parse(text).unwrap().instant(india).map(|at| at.to_rfc3339());
        assert_eq!(instant("20260401"), None);
        assert_eq!(instant("202604010000").unwrap(), "2026-03-31T18:30:00+00:00");
        assert_eq!(instant("202604010000+0000").unwrap(), "2026-04-01T00:00:00+00:00");
    }

    #[test]
    fn a_date_can_be_known_less_well() {
        let date = PartialDate::parse("19750412").unwrap();
        assert_eq!(date.at_most(Precision::Year), PartialDate::Year(1975));
        assert_eq!(date.at_most(Precision::Month).to_string(), "1975-04");
        assert_eq!(PartialDate::Year(1975).at_most(Precision::Day), PartialDate::Year(1975));
        assert_eq!(PartialDate::Month(1975, 4).first_day(), NaiveDate::from_ymd_opt(1975, 4, 1));
    }

    proptest! {
        #[test]
        fn any_text_is_a_time_or_none(text in "[0-9.+\\-]{0,24}|.{0,24}") {
            read(&text);
        }
    }
}
