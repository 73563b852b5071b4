//! Weekly hours as a caller sends them.

use chassis::fields::Day;
use chassis::strict_json::{Fault, Faults};
use chrono::{NaiveDate, TimeDelta};
use deserr::{DeserializeError, Deserr, ErrorKind, IntoValue, MergeWithError, Value, ValueKind, ValuePointerRef};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::Error;
use crate::input::{Buffer, Clock, Minutes};
use crate::slots::{Hours, Opening};

/// Nobody has more intervals in a week.
const MOST_INTERVALS: usize = 70;

/// A day of the week. Read from its English name or first three letters (`MON`), or from a number: 0 is Monday, 6 is Sunday.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Weekday {
    /// Monday, 0.
    Mon,
    /// Tuesday, 1.
    Tue,
    /// Wednesday, 2.
    Wed,
    /// Thursday, 3.
    Thu,
    /// Friday, 4.
    Fri,
    /// Saturday, 5.
    Sat,
    /// Sunday, 6.
    Sun,
}

const WEEK: [(Weekday, &str); 7] = [
    (Weekday::Mon, "MONDAY"),
    (Weekday::Tue, "TUESDAY"),
    (Weekday::Wed, "WEDNESDAY"),
    (Weekday::Thu, "THURSDAY"),
    (Weekday::Fri, "FRIDAY"),
    (Weekday::Sat, "SATURDAY"),
    (Weekday::Sun, "SUNDAY"),
];

/// A doctor's weekly hours.
#[derive(Clone, Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Week {
    /// Length of a slot, 5 to 480.
    #[schema(value_type = i64, minimum = 5, maximum = 480)]
    pub slot_minutes: Minutes,
    /// Intervals, in any order.
    pub weekly: Vec<WeekInterval>,
    /// Kept free before each appointment, 0 to 120; 0 unless given.
    #[deserr(default)]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 120)]
    pub buffer_before_minutes: Option<Buffer>,
    /// Kept free after each appointment, 0 to 120; 0 unless given.
    #[deserr(default)]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 120)]
    pub buffer_after_minutes: Option<Buffer>,
    /// The first day of these hours. Given, they hold for a while, and the hours of other days stay; not given, they are the
    /// usual ones from now on and no others are left.
    #[deserr(default)]
    pub effective_from: Option<Day>,
    /// The last day, with `effective_from`; for good unless given.
    #[deserr(default)]
    pub effective_until: Option<Day>,
    /// Whether the doctor works on public holidays. Not unless given; of hours for a while, as it is unless given.
    #[deserr(default)]
    pub works_on_holidays: Option<bool>,
}

/// What a caller sends, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The hours.
    pub hours: Hours,
    /// For which days: from, until. `None`: usually.
    pub period: Option<(NaiveDate, Option<NaiveDate>)>,
    /// Whether the doctor works on public holidays, if it says so.
    pub works_on_holidays: Option<bool>,
}

/// One interval of a working day.
#[derive(Clone, Copy, Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct WeekInterval {
    /// Day of the week.
    pub weekday: Weekday,
    /// When it opens, on the hospital's wall clock.
    #[schema(value_type = String, example = "09:00:00")]
    pub start: Clock,
    /// When it closes, on the same day.
    #[schema(value_type = String, example = "13:00:00")]
    pub end: Clock,
}

impl Weekday {
    /// Days after Monday.
    pub fn days_after_monday(self) -> i16 {
        (0..).zip(WEEK).find(|(_, (day, _))| *day == self).map_or(0, |(days, _)| days)
    }

    /// The day so many days after Monday.
    pub fn from_days_after_monday(days: i16) -> Self {
        usize::try_from(days).ok().and_then(|days| WEEK.get(days)).map_or(Self::Sun, |(day, _)| *day)
    }

    fn named(name: &str) -> Option<Self> {
        let name = name.to_ascii_uppercase();
        WEEK.iter().find(|(_, full)| *full == name || full.get(..3) == Some(name.as_str())).map(|(day, _)| *day)
    }
}

impl<E: DeserializeError + MergeWithError<Fault>> Deserr<E> for Weekday {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, at: ValuePointerRef<'_>) -> Result<Self, E> {
        let day = match value {
            Value::Integer(days) => usize::try_from(days).ok().and_then(|days| WEEK.get(days)).map(|(day, _)| *day),
            Value::String(name) => Self::named(&name),
            Value::NegativeInteger(_) => None,
            other => {
                let kind =
                    ErrorKind::IncorrectValueKind { actual: other, accepted: &[ValueKind::Integer, ValueKind::String] };
                return Err(deserr::take_cf_content(E::error(None, kind, at)));
            }
        };
        day.ok_or_else(|| {
            let fault = Fault::new("unknown_value", "must be MON to SUN, or 0 (Monday) to 6 (Sunday)");
            deserr::take_cf_content(<E as MergeWithError<Fault>>::merge(None, fault, at))
        })
    }
}

impl Week {
    /// What is wanted, if it makes sense together.
    pub fn understood(self) -> Result<Wanted, Error> {
        let mut faults = Faults::new();
        if self.weekly.len() > MOST_INTERVALS {
            faults.push("weekly", "too_many", format!("must have at most {MOST_INTERVALS} intervals"));
            return Err(Error::Faults(faults));
        }
        let slot = TimeDelta::minutes(self.slot_minutes.0);
        for (i, interval) in self.weekly.iter().enumerate() {
            let length = interval.end.0.signed_duration_since(interval.start.0);
            if length <= TimeDelta::zero() {
                faults.push(format!("weekly.{i}.end"), "before_start", "must be after start");
            } else if length < slot {
                faults.push(format!("weekly.{i}.end"), "shorter_than_a_slot", "no slot fits into the interval");
            }
            if self.weekly.iter().take(i).any(|earlier| earlier.overlaps(interval)) {
                faults.push(format!("weekly.{i}"), "overlap", "overlaps another interval of the day");
            }
        }
        match (self.effective_from, self.effective_until) {
            (None, Some(_)) => faults.push("effective_from", "required", "is required with effective_until"),
            (Some(from), Some(until)) if until < from => {
                faults.push("effective_until", "before_start", "must not be before effective_from");
            }
            _ => {}
        }
        if !faults.0.is_empty() {
            return Err(Error::Faults(faults));
        }
        let mut openings: Vec<Opening> = self.weekly.iter().map(WeekInterval::opening).collect();
        openings.sort();
        let minutes = |buffer: Option<Buffer>| buffer.map_or(0, |buffer| buffer.0);
        let hours = Hours {
            slot_minutes: self.slot_minutes.0,
            before: minutes(self.buffer_before_minutes),
            after: minutes(self.buffer_after_minutes),
            openings,
        };
        let period = self.effective_from.map(|from| (from.get(), self.effective_until.map(Day::get)));
        Ok(Wanted { hours, period, works_on_holidays: self.works_on_holidays })
    }
}

impl WeekInterval {
    fn overlaps(&self, other: &Self) -> bool {
        self.weekday == other.weekday && self.start.0 < other.end.0 && other.start.0 < self.end.0
    }

    fn opening(&self) -> Opening {
        Opening { weekday: self.weekday.days_after_monday(), start: self.start.0, end: self.end.0 }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn week(weekly: serde_json::Value) -> Result<Hours, Vec<String>> {
        let week: Week = chassis::strict_json::parse(json!({"slot_minutes": 20, "weekly": weekly})).unwrap();
        week.understood().map(|wanted| wanted.hours).map_err(|error| match error {
            Error::Faults(faults) => {
                faults.0.into_iter().map(|fault| format!("{} {}", fault.field, fault.code)).collect()
            }
            other => vec![other.to_string()],
        })
    }

    #[test]
    fn a_day_has_a_name_or_a_number() {
        let hours = week(json!([
            {"weekday": 6, "start": "09:00", "end": "10:00"},
            {"weekday": "monday", "start": "14:00", "end": "18:00:00"},
            {"weekday": "MON", "start": "09:00:00", "end": "13:00:00"},
        ]))
        .unwrap();
        let days: Vec<i16> = hours.openings.iter().map(|opening| opening.weekday).collect();
        assert_eq!(days, [0, 0, 6]);
        for bad in [json!(7), json!(-1), json!("MONTAG"), json!(1.5), json!(null)] {
            let value = json!({"slot_minutes": 20, "weekly": [{"weekday": bad, "start": "09:00", "end": "10:00"}]});
            assert!(chassis::strict_json::parse::<Week>(value).is_err());
        }
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let faults = week(json!([
            {"weekday": "MON", "start": "09:00", "end": "13:00"},
            {"weekday": "MON", "start": "12:00", "end": "14:00"},
            {"weekday": "TUE", "start": "10:00", "end": "09:00"},
            {"weekday": "WED", "start": "10:00", "end": "10:19"},
        ]))
        .unwrap_err();
        assert_eq!(faults, ["weekly.1 overlap", "weekly.2.end before_start", "weekly.3.end shorter_than_a_slot"]);
    }

    #[test]
    fn intervals_may_touch() {
        let touching =
            json!([{"weekday": 0, "start": "09:00", "end": "12:00"}, {"weekday": 0, "start": "12:00", "end": "13:00"}]);
        assert_eq!(week(touching).unwrap().openings.len(), 2);
    }
}
