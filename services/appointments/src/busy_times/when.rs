//! Times of other calendars (RFC 5545, 3.3.4 to 3.3.6): days, instants, and wall clocks of zones that we know. Pure.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use super::lines::{Property, RawZone};
use crate::slots::first_instant;

/// Years that make sense in a calendar.
const YEARS: std::ops::RangeInclusive<i32> = 1900..=2200;

/// A time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// A whole day of the hospital's.
    Day(NaiveDate),
    /// On a wall clock.
    At(NaiveDateTime, Tz),
}

/// How long something takes: days as people count them, then exact time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Length {
    /// Days on the calendar; one may have 23 hours.
    pub days: i64,
    /// The rest.
    pub rest: TimeDelta,
}

/// Why a time cannot be read, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is no time.
    NotATime,
    /// It is in a zone that nobody knows.
    UnknownZone,
}

/// The zones of a file, and that of the hospital for what names none.
#[derive(Debug)]
pub struct Zones<'a> {
    /// The hospital's.
    pub ours: Tz,
    /// The file's.
    pub theirs: &'a [RawZone],
}

/// What Windows calls zones (Unicode CLDR, windowsZones.xml), as far as they are met here.
const WINDOWS: [(&str, &str); 18] = [
    ("India Standard Time", "Asia/Kolkata"),
    ("Sri Lanka Standard Time", "Asia/Colombo"),
    ("Nepal Standard Time", "Asia/Kathmandu"),
    ("Bangladesh Standard Time", "Asia/Dhaka"),
    ("Pakistan Standard Time", "Asia/Karachi"),
    ("Arabian Standard Time", "Asia/Dubai"),
    ("Arab Standard Time", "Asia/Riyadh"),
    ("Singapore Standard Time", "Asia/Singapore"),
    ("China Standard Time", "Asia/Shanghai"),
    ("Tokyo Standard Time", "Asia/Tokyo"),
    ("AUS Eastern Standard Time", "Australia/Sydney"),
    ("GMT Standard Time", "Europe/London"),
    ("W. Europe Standard Time", "Europe/Berlin"),
    ("Romance Standard Time", "Europe/Paris"),
    ("Central Europe Standard Time", "Europe/Budapest"),
    ("Eastern Standard Time", "America/New_York"),
    ("Central Standard Time", "America/Chicago"),
    ("Pacific Standard Time", "America/Los_Angeles"),
];

impl Zones<'_> {
    /// The zone of a name.
    fn named(&self, name: &str) -> Option<Tz> {
        let theirs = self.theirs.iter().find(|zone| zone.id == name);
        known(name).or_else(|| known(theirs?.location.as_deref()?))
    }
}

fn known(name: &str) -> Option<Tz> {
    let windows = WINDOWS.iter().find(|(windows, _)| *windows == name).map(|(_, name)| *name);
    // "/mozilla.org/20070129_1/Europe/Berlin": some programs put themselves before the name.
    let bare = name
        .strip_prefix('/')
        .into_iter()
        .flat_map(|rest| rest.match_indices('/').filter_map(|(at, _)| rest.get(at + 1..)).take(4));
    std::iter::once(windows.unwrap_or(name)).chain(bare).find_map(|name| name.parse().ok())
}

impl When {
    /// One time of a property.
    pub fn of(property: &Property, text: &str, zones: &Zones<'_>) -> Result<Self, Unread> {
        let text = text.trim();
        if text.len() == 8 {
            return day(text).map(Self::Day).ok_or(Unread::NotATime);
        }
        if property.parameter("VALUE").is_some_and(|kind| kind.eq_ignore_ascii_case("DATE")) {
            return Err(Unread::NotATime);
        }
        let (text, is_utc) = text.strip_suffix(['Z', 'z']).map_or((text, false), |text| (text, true));
        let local = local(text).ok_or(Unread::NotATime)?;
        let zone = match property.parameter("TZID") {
            _ if is_utc => Tz::UTC,
            Some(name) => zones.named(name).ok_or(Unread::UnknownZone)?,
            None => zones.ours,
        };
        Ok(Self::At(local, zone))
    }

    /// The day that it falls on, on its own wall clock.
    pub fn date(&self) -> NaiveDate {
        match self {
            Self::Day(date) => *date,
            Self::At(local, _) => local.date(),
        }
    }

    /// The day, where it is a whole one.
    pub fn whole_day(&self) -> Option<NaiveDate> {
        match self {
            Self::Day(date) => Some(*date),
            Self::At(..) => None,
        }
    }

    /// The same time of another day.
    pub fn on(&self, date: NaiveDate) -> Self {
        match self {
            Self::Day(_) => Self::Day(date),
            Self::At(local, zone) => Self::At(date.and_time(local.time()), *zone),
        }
    }

    /// The instant; `None` only at the ends of the calendar.
    pub fn instant(&self, ours: Tz) -> Option<DateTime<Utc>> {
        match *self {
            Self::Day(date) => first_instant(ours, date, NaiveTime::MIN),
            Self::At(local, zone) => instant(zone, local),
        }
    }

    /// The instant at which something ends that begins here.
    pub fn end(&self, length: Length, ours: Tz) -> Option<DateTime<Utc>> {
        let date = self.date().checked_add_signed(TimeDelta::try_days(length.days)?)?;
        self.on(date).instant(ours)?.checked_add_signed(length.rest)
    }
}

/// A wall-clock time that the clock is put forward over is read with the offset before that (3.3.5).
fn instant(zone: Tz, local: NaiveDateTime) -> Option<DateTime<Utc>> {
    if let Some(instant) = zone.from_local_datetime(&local).earliest() {
        return Some(instant.to_utc());
    }
    let before = zone.from_local_datetime(&local.checked_sub_signed(TimeDelta::hours(25))?).earliest()?;
    local
        .checked_sub_signed(TimeDelta::seconds(before.offset().fix().local_minus_utc().into()))
        .map(|utc| utc.and_utc())
}

fn digits(text: &str) -> Option<u32> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// `20261201`.
pub fn day(text: &str) -> Option<NaiveDate> {
    let (year, month, day) = (text.get(0..4)?, text.get(4..6)?, text.get(6..)?);
    let year = i32::try_from(digits(year)?).ok()?;
    let date = NaiveDate::from_ymd_opt(year, digits(month)?, digits(day)?);
    date.filter(|date| text.len() == 8 && YEARS.contains(&date.year()))
}

/// `20261201T093000`.
pub fn local(text: &str) -> Option<NaiveDateTime> {
    let (date, time) = text.split_once(['T', 't'])?;
    if time.len() != 6 {
        return None;
    }
    let (hour, minute, second) = (time.get(0..2)?, time.get(2..4)?, time.get(4..6)?);
    // A leap second is none of our business.
    let time = NaiveTime::from_hms_opt(digits(hour)?, digits(minute)?, digits(second)?.min(59))?;
    day(date).map(|date| date.and_time(time))
}

/// `P1DT2H30M` (3.3.6); a negative one is none.
pub fn duration(text: &str) -> Option<Length> {
    let text = text.trim().to_ascii_uppercase();
    let text = text.strip_prefix('+').unwrap_or(&text).strip_prefix('P')?;
    let (date, time) = text.split_once('T').unwrap_or((text, ""));
    if text.is_empty() || text.ends_with('T') {
        return None;
    }
    let days = parts(date, &[('W', 7), ('D', 1)])?;
    let seconds = parts(time, &[('H', 3600), ('M', 60), ('S', 1)])?;
    Some(Length { days, rest: TimeDelta::try_seconds(seconds)? })
}

/// Numbers, each with one of the units, in their order.
fn parts(mut text: &str, units: &[(char, i64)]) -> Option<i64> {
    let mut sum: i64 = 0;
    for (unit, worth) in units {
        let Some((number, rest)) = text.split_once(*unit) else { continue };
        if number.is_empty() || number.len() > 7 {
            return None;
        }
        sum = sum.checked_add(i64::from(digits(number)?).checked_mul(*worth)?)?;
        text = rest;
    }
    text.is_empty().then_some(sum)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use chrono_tz::{America, Asia, Europe};

    use super::*;

    fn property(tzid: Option<&str>) -> Property {
        let parameters = tzid.map(|name| ("TZID".to_owned(), name.to_owned())).into_iter().collect();
        Property { name: "DTSTART".to_owned(), parameters, value: String::new() }
    }

    fn when(tzid: Option<&str>, text: &str) -> Result<String, Unread> {
        let theirs = [RawZone { id: "Office".to_owned(), location: Some("Europe/Berlin".to_owned()) }];
        let zones = Zones { ours: Asia::Kolkata, theirs: &theirs };
        let when = When::of(&property(tzid), text, &zones)?;
        Ok(when.instant(Asia::Kolkata).unwrap().to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
    }

    #[test]
    fn a_time_is_in_the_zone_that_it_names() {
        for (zone, text, instant) in [
            (None, "20261201T090000Z", "2026-12-01T09:00:00Z"),
            (Some("America/New_York"), "20261201T090000Z", "2026-12-01T09:00:00Z"),
            (None, "20261201T090000", "2026-12-01T03:30:00Z"),
            (None, "20261201", "2026-11-30T18:30:00Z"),
            (Some("America/New_York"), "20261201T090000", "2026-12-01T14:00:00Z"),
            (Some("Office"), "20260701T090000", "2026-07-01T07:00:00Z"),
            (Some("/mozilla.org/20070129_1/Europe/Berlin"), "20261201T090000", "2026-12-01T08:00:00Z"),
            (Some("India Standard Time"), "20261201T090000", "2026-12-01T03:30:00Z"),
            (None, "20281231T235960", "2028-12-31T18:29:59Z"),
            // 2:30 does not exist on that day in New York, and exists twice on the other.
            (Some("America/New_York"), "20260308T023000", "2026-03-08T07:30:00Z"),
            (Some("America/New_York"), "20261101T013000", "2026-11-01T05:30:00Z"),
        ] {
            assert_eq!(when(zone, text).as_deref(), Ok(instant), "{zone:?} {text}");
        }
        assert_eq!(when(Some("Nowhere/Land"), "20261201T090000"), Err(Unread::UnknownZone));
        for text in [
            "",
            "2026",
            "20260230",
            "20261201T2460",
            "20261201T240000",
            "+2026120",
            "18000101",
            "2026-12-01",
            "२०२६१२०१",
        ] {
            assert_eq!(when(None, text), Err(Unread::NotATime), "{text}");
        }
    }

    #[test]
    fn a_length_is_read_and_counted_in_days_first() {
        let length = |days, seconds| Some(Length { days, rest: TimeDelta::seconds(seconds) });
        for (text, expected) in [
            ("PT1H", length(0, 3600)),
            ("+P1DT2H30M5S", length(1, 9005)),
            ("P2W", length(14, 0)),
            ("pt15m", length(0, 900)),
            ("", None),
            ("P", None),
            ("PT", None),
            ("-PT1H", None),
            ("P1H", None),
            ("PT1D", None),
            ("PT99999999H", None),
            ("P1D2", None),
        ] {
            assert_eq!(duration(text), expected, "{text}");
        }
        let day_before_spring = When::At(local("20260307T120000").unwrap(), America::New_York);
        let end = day_before_spring.end(Length { days: 1, rest: TimeDelta::zero() }, Europe::Berlin).unwrap();
        assert_eq!(end - day_before_spring.instant(Europe::Berlin).unwrap(), TimeDelta::hours(23));
    }
}
