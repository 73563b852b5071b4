//! An event of another calendar, as far as it says when somebody is busy. Pure.

use chrono::{DateTime, TimeDelta, Utc};

use super::lines::{Property, RawEvent, Refused};
use super::rule::{self, Rule};
use super::when::{Length, Unread, When, Zones, duration};

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Where it begins in the file.
    pub line: usize,
    /// What it is called.
    pub uid: String,
    /// When it begins.
    pub start: When,
    /// How long it takes.
    pub length: Length,
    /// Which occurrence of the event of its UID it is, if it stands for one.
    pub recurrence: Option<When>,
    /// How it recurs.
    pub rule: Option<Rule>,
    /// Occurrences beside the rule's.
    pub added: Vec<Date>,
    /// Occurrences that are none.
    pub exceptions: Vec<When>,
    /// Its version.
    pub sequence: i64,
    /// When that was written.
    pub stamp: Option<DateTime<Utc>>,
    /// Whether one is busy meanwhile.
    pub presence: Presence,
}

/// An occurrence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date {
    /// When it begins.
    pub start: When,
    /// How long it takes, where it is said for itself.
    pub length: Option<Length>,
}

/// What an event says of one's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// One is busy.
    Busy,
    /// One can be booked all the same.
    Free,
    /// It does not take place.
    Cancelled,
}

/// Why an event is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A line of it is broken.
    Broken,
    /// It has no UID, or two.
    NoUid,
    /// A property that may be there once is there twice.
    Repeated,
    /// It has no start.
    NoStart,
    /// A time in it is none.
    NotATime,
    /// A time in it is in a zone that nobody knows.
    UnknownZone,
    /// It ends before it begins.
    EndsBeforeItBegins,
    /// It takes more than 366 days.
    TooLong,
    /// Its rule is none.
    InvalidRule,
    /// Its rule is one that is not followed here.
    UnsupportedRule,
    /// It recurs more often than daily: no calendar means that, and the whole file is refused.
    TooOften,
    /// It changes an occurrence and all that follow.
    ThisAndFuture,
}

impl Fault {
    /// For programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Broken => "broken_line",
            Self::NoUid => "no_uid",
            Self::Repeated => "repeated_property",
            Self::NoStart => "no_start",
            Self::NotATime => "invalid_time",
            Self::UnknownZone => "unknown_time_zone",
            Self::EndsBeforeItBegins => "ends_before_it_begins",
            Self::TooLong => "too_long",
            Self::InvalidRule => "invalid_rrule",
            Self::UnsupportedRule => "unsupported_rrule",
            Self::TooOften => "recurs_too_often",
            Self::ThisAndFuture => "this_and_future",
        }
    }

    /// For people.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Broken => "a line of it cannot be read",
            Self::NoUid => "it has not one UID",
            Self::Repeated => "a property is there twice that may be there once",
            Self::NoStart => "it has no DTSTART",
            Self::NotATime => "a date or time in it is none",
            Self::UnknownZone => "a time zone in it is not one of the IANA's names",
            Self::EndsBeforeItBegins => "it ends before it begins",
            Self::TooLong => "it takes more than 366 days",
            Self::InvalidRule => "its RRULE is none",
            Self::UnsupportedRule => "its RRULE has a part that is not followed here",
            Self::TooOften => "it recurs more often than daily",
            Self::ThisAndFuture => "it changes an occurrence and all that follow (RANGE), which is not followed here",
        }
    }

    /// As the reason to refuse the whole file.
    pub fn refusal(self, line: usize) -> Refused {
        Refused { line, code: self.code(), message: self.message().to_owned() }
    }
}

impl From<Unread> for Fault {
    fn from(why: Unread) -> Self {
        match why {
            Unread::NotATime => Self::NotATime,
            Unread::UnknownZone => Self::UnknownZone,
        }
    }
}

impl From<rule::Refusal> for Fault {
    fn from(why: rule::Refusal) -> Self {
        match why {
            rule::Refusal::Invalid => Self::InvalidRule,
            rule::Refusal::Unsupported => Self::UnsupportedRule,
            rule::Refusal::TooOften => Self::TooOften,
        }
    }
}

impl Event {
    /// What its lines say.
    ///
    /// # Errors
    /// Its UID, where it has one, and why it cannot be taken.
    pub fn of(raw: &RawEvent, zones: &Zones<'_>) -> Result<Self, (Option<String>, Fault)> {
        let uid = one(raw, "UID").ok().flatten().map(|uid| uid.value.trim().to_owned()).filter(|uid| !uid.is_empty());
        let Some(uid) = uid else { return Err((None, Fault::NoUid)) };
        let fault = if raw.is_broken { Err(Fault::Broken) } else { Ok(()) };
        fault.and_then(|()| Self::named(raw, uid.clone(), zones)).map_err(|fault| (Some(uid), fault))
    }

    fn named(raw: &RawEvent, uid: String, zones: &Zones<'_>) -> Result<Self, Fault> {
        let start = one(raw, "DTSTART")?.ok_or(Fault::NoStart)?;
        let start = When::of(start, &start.value, zones)?;
        let recurrence = one(raw, "RECURRENCE-ID")?;
        if recurrence.is_some_and(|of| of.parameter("RANGE").is_some()) {
            return Err(Fault::ThisAndFuture);
        }
        let rule = one(raw, "RRULE")?.map(|rule| rule.value.parse()).transpose()?;
        if one(raw, "EXRULE")?.is_some() {
            return Err(Fault::UnsupportedRule);
        }
        let stamp = one(raw, "DTSTAMP")?.and_then(|stamp| When::of(stamp, &stamp.value, zones).ok());
        let sequence = one(raw, "SEQUENCE")?.map_or(Ok(0), |sequence| sequence.value.trim().parse::<u32>());
        Ok(Self {
            line: raw.line,
            uid,
            start,
            length: length(raw, start, zones)?,
            recurrence: recurrence.map(|of| When::of(of, &of.value, zones)).transpose()?,
            rule,
            added: listed(raw, "RDATE", |property, text| date(property, text, zones))?,
            exceptions: listed(raw, "EXDATE", |property, text| Ok(When::of(property, text, zones)?))?,
            sequence: sequence.map_err(|_why| Fault::Broken)?.into(),
            stamp: stamp.and_then(|stamp| stamp.instant(zones.ours)),
            presence: presence(raw)?,
        })
    }

    /// Whether it takes time at all.
    pub fn takes_time(&self) -> bool {
        self.length != Length::default() || self.added.iter().any(|date| date.length.is_some())
    }

    /// Whether it has more than one occurrence.
    pub fn recurs(&self) -> bool {
        self.recurrence.is_none() && (self.rule.is_some() || !self.added.is_empty())
    }
}

/// The property of a name, which may be there once.
fn one<'a>(raw: &'a RawEvent, name: &str) -> Result<Option<&'a Property>, Fault> {
    let mut all = raw.properties.iter().filter(|property| property.name == name);
    match (all.next(), all.next()) {
        (first, None) => Ok(first),
        _ => Err(Fault::Repeated),
    }
}

fn listed<T>(raw: &RawEvent, name: &str, read: impl Fn(&Property, &str) -> Result<T, Fault>) -> Result<Vec<T>, Fault> {
    let all = raw.properties.iter().filter(|property| property.name == name);
    all.flat_map(|property| property.value.split(',').map(|text| read(property, text))).collect()
}

/// An added date; a period says for itself how long it takes (3.3.9).
fn date(property: &Property, text: &str, zones: &Zones<'_>) -> Result<Date, Fault> {
    let Some((start, end)) = text.split_once('/') else {
        return Ok(Date { start: When::of(property, text, zones)?, length: None });
    };
    let start = When::of(property, start, zones)?;
    let length = match end.trim().starts_with(['P', 'p', '+']) {
        true => duration(end).ok_or(Fault::NotATime)?,
        false => between(start, When::of(property, end, zones)?, zones)?,
    };
    Ok(Date { start, length: Some(length) })
}

fn length(raw: &RawEvent, start: When, zones: &Zones<'_>) -> Result<Length, Fault> {
    match (one(raw, "DTEND")?, one(raw, "DURATION")?) {
        (Some(_), Some(_)) => Err(Fault::Repeated),
        (Some(end), None) => between(start, When::of(end, &end.value, zones)?, zones),
        (None, Some(length)) => duration(&length.value).ok_or(Fault::NotATime),
        (None, None) if matches!(start, When::Day(_)) => Ok(Length { days: 1, rest: TimeDelta::zero() }),
        (None, None) => Ok(Length::default()),
    }
}

fn between(start: When, end: When, zones: &Zones<'_>) -> Result<Length, Fault> {
    let length = match (start, end) {
        // Some programs write the last day where the day after belongs.
        (When::Day(first), When::Day(after)) if first == after => Length { days: 1, rest: TimeDelta::zero() },
        (When::Day(first), When::Day(after)) => Length { days: (after - first).num_days(), rest: TimeDelta::zero() },
        (When::At(..), When::At(..)) => {
            let (start, end) = start.instant(zones.ours).zip(end.instant(zones.ours)).ok_or(Fault::NotATime)?;
            Length { days: 0, rest: end - start }
        }
        _ => return Err(Fault::NotATime),
    };
    if length.days < 0 || length.rest < TimeDelta::zero() { Err(Fault::EndsBeforeItBegins) } else { Ok(length) }
}

fn presence(raw: &RawEvent) -> Result<Presence, Fault> {
    let says = |name, word: &str| {
        Ok::<_, Fault>(one(raw, name)?.is_some_and(|property| property.value.trim().eq_ignore_ascii_case(word)))
    };
    if says("STATUS", "CANCELLED")? {
        return Ok(Presence::Cancelled);
    }
    let free = says("TRANSP", "TRANSPARENT")? || says("X-MICROSOFT-CDO-BUSYSTATUS", "FREE")?;
    Ok(if free { Presence::Free } else { Presence::Busy })
}
