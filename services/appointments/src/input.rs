//! The kinds of values that callers send, besides those of [`chassis::fields`].

use chassis::strict_json::{Fault, Faults};
use chrono::NaiveTime;
use deserr::Deserr;

use crate::slots;

/// A time on the hospital's wall clock in whole minutes, `HH:MM:SS` or `HH:MM`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserr)]
#[deserr(error = Faults, try_from(String) = clock -> Fault)]
pub struct Clock(pub NaiveTime);

/// Length of an appointment or a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserr)]
#[deserr(error = Faults, try_from(i64) = minutes -> Fault)]
pub struct Minutes(pub i64);

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
    fn a_time_is_a_whole_minute_of_a_day() {
        for bad in ["24:00:00", "24:00", "9:00", "10:60", "10:00:01", "10:00:00.5", "-1:00", "", "10"] {
            assert!(clock(bad.to_owned()).is_err(), "{bad}");
        }
        assert_eq!(clock("09:30".to_owned()), clock("09:30:00".to_owned()));
        assert!(clock("23:59:00".to_owned()).is_ok());
    }
}
