//! The kinds of values that callers send, besides those of [`chassis::fields`].

use std::fmt;
use std::str::FromStr;

use chassis::strict_json::{Fault, Faults};
use chassis::text::Paragraph;
use chrono::NaiveTime;
use deserr::Deserr;
use utoipa::ToSchema;

use crate::slots;

/// A time on the hospital's wall clock in whole minutes, `HH:MM:SS` or `HH:MM`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserr)]
#[deserr(error = Faults, try_from(String) = clock -> Fault)]
pub struct Clock(pub NaiveTime);

/// Length of an appointment or a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserr)]
#[deserr(error = Faults, try_from(i64) = minutes -> Fault)]
pub struct Minutes(pub i64);

/// What a doctor keeps free around an appointment, in minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserr)]
#[deserr(error = Faults, try_from(i64) = buffer -> Fault)]
pub struct Buffer(pub i64);

/// A room by its name, in capitals: `OPD-3`.
#[derive(Clone, Debug, PartialEq, Eq, Deserr)]
#[deserr(error = Faults, try_from(String) = room -> Fault)]
pub struct Room(pub String);

/// Why something is done, in the words of who does it; never empty.
#[derive(Clone, PartialEq, Eq, Deserr, ToSchema)]
#[deserr(error = Faults, try_from(String) = reason -> Fault)]
#[schema(value_type = String, min_length = 1, max_length = 500)]
pub struct Reason(pub String);

impl fmt::Debug for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// `true` or `false` in a query string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flag(pub bool);

impl FromStr for Flag {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let flag = text.parse().map_err(|_why| Fault::new("unknown_value", "must be true or false"));
        flag.map(Self)
    }
}

fn reason(text: String) -> Result<Reason, Fault> {
    let text = Paragraph::<500>::typed(&text)?.into_inner();
    if text.is_empty() { Err(Fault::new("required", "must say why")) } else { Ok(Reason(text)) }
}

fn buffer(value: i64) -> Result<Buffer, Fault> {
    if slots::BUFFER.contains(&value) {
        Ok(Buffer(value))
    } else {
        Err(Fault::new("out_of_range", format!("must be from {} to {}", slots::BUFFER.start(), slots::BUFFER.end())))
    }
}

fn room(text: String) -> Result<Room, Fault> {
    let name = text.split_whitespace().collect::<Vec<_>>().join(" ").to_uppercase();
    let is_plain = name.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '/' | '.'));
    if !name.is_empty() && name.chars().count() <= 40 && is_plain {
        Ok(Room(name))
    } else {
        Err(Fault::new("invalid_room", "must be 1 to 40 letters, digits, spaces, dots, hyphens or slashes"))
    }
}

fn clock(text: String) -> Result<Clock, Fault> {
    let is_plain = matches!(text.len(), 5 | 8) && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b':');
    let parsed =
        NaiveTime::parse_from_str(&text, "%H:%M:%S").or_else(|_long| NaiveTime::parse_from_str(&text, "%H:%M"));
    match parsed {
        Ok(time) if is_plain && slots::is_whole_minute(time) => Ok(Clock(time)),
        Ok(_) if is_plain => Err(Fault::new("not_a_whole_minute", "must be a whole minute")),
        _ => Err(Fault::new("invalid_time", "must be a time of day from 00:00:00 to 23:59:00, HH:MM:SS")),
    }
}

fn minutes(value: i64) -> Result<Minutes, Fault> {
    if slots::MINUTES.contains(&value) {
        Ok(Minutes(value))
    } else {
        Err(Fault::new("out_of_range", format!("must be from {} to {}", slots::MINUTES.start(), slots::MINUTES.end())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_the_same_however_it_is_typed() {
        assert_eq!(room(" opd   3 ".to_owned()), Ok(Room("OPD 3".to_owned())));
        for bad in ["", "  ", "<b>", &"x".repeat(41), "a\0b", "a;b"] {
            assert!(room(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_time_is_a_whole_minute_of_a_day() {
        for bad in ["24:00:00", "24:00", "9:00", "10:60", "10:00:01", "10:00:00.5", "-1:00", "", "10"] {
            assert!(clock(bad.to_owned()).is_err(), "{bad}");
        }
        assert_eq!(clock("09:30".to_owned()), clock("09:30:00".to_owned()));
        assert!(clock("23:59:00".to_owned()).is_ok());
    }
}
