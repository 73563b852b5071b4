//! The standard's data types that several segments share. Parts that a message left empty are nothing. `Debug` shows no
//! content.

use std::fmt;

use chrono::NaiveTime;
use serde::{Serialize, Serializer};

use crate::masked::masked;
use crate::message::Repetition;
use crate::text::{filled, one_line};
use crate::timestamp::{Precision, Timestamp};
use crate::vocabulary;

/// A code (CE, CWE, CNE, IS, ID): what it is, in words, and in which system.
#[derive(Clone, PartialEq, Eq, Serialize, Default)]
pub struct Coded {
    /// The code.
    pub code: Option<String>,
    /// What the sender calls it.
    pub text: Option<String>,
    /// The system as the message names it: `LN`, `SCT`, `I10`, `L`. See [`Coded::system_uri`].
    pub system: Option<String>,
    /// The same in another system.
    pub alternate: Option<Box<Coded>>,
    /// What a person had written.
    pub original: Option<String>,
}

impl Coded {
    pub(crate) fn read(cwe: &Repetition<'_>) -> Option<Self> {
        let part = |number| filled(one_line(&cwe.component(number).text()));
        let triple = |code, text, system| {
            let coded = Self { code: part(code), text: part(text), system: part(system), ..Self::default() };
            (coded.code.is_some() || coded.text.is_some()).then_some(coded)
        };
        let (first, second, original) = (triple(1, 2, 3), triple(4, 5, 6), part(9));
        if first.is_none() && second.is_none() && original.is_none() {
            return None;
        }
        let (main, alternate) = if first.is_some() { (first, second) } else { (second, None) };
        Some(Self { alternate: alternate.map(Box::new), original, ..main.unwrap_or_default() })
    }

    /// The system's URI, where it is one that is known: `http://loinc.org`. Nothing for a hospital's own codes.
    pub fn system_uri(&self) -> Option<String> {
        vocabulary::system_uri(self.system.as_deref()?)
    }

    /// Of this code and its alternate the one in a system with this URI.
    pub fn in_system(&self, uri: &str) -> Option<&Self> {
        [Some(self), self.alternate.as_deref()].into_iter().flatten().find(|c| c.system_uri().as_deref() == Some(uri))
    }

    /// In words: what was written, or what the code is called, or the code.
    pub fn display(&self) -> &str {
        [&self.original, &self.text, &self.code].into_iter().flatten().next().map_or("", String::as_str)
    }
}

/// A person of the staff (XCN).
#[derive(Clone, PartialEq, Eq, Serialize, Default)]
pub struct Person {
    /// By which number the sender knows them.
    pub id: Option<String>,
    /// Who gave the number.
    pub authority: Option<String>,
    /// Family name.
    pub family: Option<String>,
    /// Given names.
    pub given: Option<String>,
    /// `Dr.`
    pub prefix: Option<String>,
}

impl Person {
    pub(crate) fn read(xcn: &Repetition<'_>) -> Option<Self> {
        let part = |number| filled(one_line(&xcn.component(number).text()));
        let person = Self {
            id: part(1),
            authority: part(9).or_else(|| filled(one_line(&xcn.component(9).subcomponent(2)))),
            family: part(2),
            given: filled(one_line(&format!("{} {}", xcn.component(3).text(), xcn.component(4).text()))),
            prefix: part(6),
        };
        (person.id.is_some() || person.family.is_some() || person.given.is_some()).then_some(person)
    }

    /// The name as it is spoken: `Dr Meenakshi Iyer`. May be empty.
    pub fn name(&self) -> String {
        let parts = [&self.prefix, &self.given, &self.family];
        parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ")
    }
}

/// Where in a hospital (PL).
#[derive(Clone, PartialEq, Eq, Serialize, Default)]
pub struct Location {
    /// Ward, clinic or department.
    pub point_of_care: Option<String>,
    /// Room.
    pub room: Option<String>,
    /// Bed.
    pub bed: Option<String>,
    /// Facility.
    pub facility: Option<String>,
    /// Building.
    pub building: Option<String>,
    /// Floor.
    pub floor: Option<String>,
}

impl Location {
    pub(crate) fn read(pl: &Repetition<'_>) -> Option<Self> {
        let part = |number| filled(one_line(&pl.component(number).text()));
        let location = Self {
            point_of_care: part(1),
            room: part(2),
            bed: part(3),
            facility: part(4),
            building: part(7),
            floor: part(8),
        };
        (location != Self::default()).then_some(location)
    }
}

/// An organisation (XON).
#[derive(Clone, PartialEq, Eq, Serialize, Default)]
pub struct Organization {
    /// Its name.
    pub name: Option<String>,
    /// Its number.
    pub id: Option<String>,
}

impl Organization {
    pub(crate) fn read(xon: &Repetition<'_>) -> Option<Self> {
        let part = |number| filled(one_line(&xon.component(number).text()));
        let organization = Self { name: part(1), id: part(10).or_else(|| part(3)) };
        (organization != Self::default()).then_some(organization)
    }
}

/// The number of a thing, and who gave it (EI).
#[derive(Clone, PartialEq, Eq, Serialize, Default)]
pub struct EntityId {
    /// The number.
    pub value: String,
    /// Who gave it: a name, or else an OID.
    pub authority: Option<String>,
}

impl EntityId {
    pub(crate) fn read(ei: &Repetition<'_>) -> Option<Self> {
        let part = |number| filled(one_line(&ei.component(number).text()));
        Some(Self { value: part(1)?, authority: part(2).or_else(|| part(3)) })
    }
}

/// A decimal number as it was written, so that its precision is kept: `4.060`.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Decimal(String);

impl Decimal {
    /// Reads `[+-]digits[.digits]`, at most 40 characters.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let written = !(whole.is_empty() && fraction.is_empty()) && all(whole) && all(fraction) && text.len() <= 40;
        written.then(|| {
            let sign = if text.starts_with('-') { "-" } else { "" };
            let point = if fraction.is_empty() { "" } else { "." };
            Self(format!("{sign}{}{point}{fraction}", if whole.is_empty() { "0" } else { whole }))
        })
    }

    /// The number as text: `-0.5`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number times a thousand, rounded down, where it is not negative and not too large.
    pub fn thousandths(&self) -> Option<u64> {
        let (whole, fraction) = self.0.split_once('.').unwrap_or((&self.0, ""));
        let fraction: String = fraction.chars().chain("000".chars()).take(3).collect();
        whole.parse::<u64>().ok()?.checked_mul(1000)?.checked_add(fraction.parse().ok()?)
    }
}

/// A time of day, as precise as it was written (TM).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TimeOfDay {
    /// The time; what is not known is zero.
    pub time: NaiveTime,
    /// Hour, minute or second.
    pub precision: Precision,
}

impl TimeOfDay {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let at = Timestamp::parse(&format!("20000101{text}"))?;
        Some(Self { time: at.time?, precision: at.precision })
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.precision {
            Precision::Hour => write!(f, "{}", self.time.format("%H")),
            Precision::Minute => write!(f, "{}", self.time.format("%H:%M")),
            _ => write!(f, "{}", self.time.format("%H:%M:%S%.f")),
        }
    }
}

impl Serialize for TimeOfDay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

masked!(Coded, Person, Location, Organization, EntityId, Decimal, TimeOfDay);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_keeps_its_precision() {
        let read = |text: &str| Decimal::parse(text).map(|number| number.as_str().to_owned());
        assert_eq!(read("4.060").unwrap(), "4.060");
        assert_eq!(read("-.5").unwrap(), "-0.5");
        assert_eq!(read("+7").unwrap(), "7");
        assert_eq!(read("1.").unwrap(), "1");
        for text in ["", "-", ".", "1e5", "<5", "1,000", "१", "NaN", "1.2.3"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_of_day_is_as_precise_as_written() {
        let read = |text: &str| TimeOfDay::parse(text).map(|time| time.to_string());
        assert_eq!(read("0915").unwrap(), "09:15");
        assert_eq!(read("09").unwrap(), "09");
        assert_eq!(read("091530.25").unwrap(), "09:15:30.250");
        assert_eq!(read(""), None);
        assert_eq!(read("2560"), None);
    }
}
