//! Leave as a caller sends it.

use chassis::fields::{Day, number};
use chassis::strict_json::{Fault, Faults};
use chassis::text::Line;
use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use deserr::Deserr;
use utoipa::ToSchema;

use super::Kind;
use crate::app::Calendar;
use crate::error::Error;
use crate::input::Clock;
use crate::slots::{Span, first_instant};

/// Days of one leave at most.
const MOST_DAYS: i64 = 366;

/// When a doctor is away: one stretch of time.
#[derive(Clone, Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Absence {
    /// The first day, in the hospital's time zone.
    pub start_date: Day,
    /// The last day; at most 366 days in all.
    pub end_date: Day,
    /// From when on the first day; all of it unless given.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "14:00:00")]
    pub start_time: Option<Clock>,
    /// Until when on the last day; all of it unless given.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "17:00:00")]
    pub end_time: Option<Clock>,
    /// `LEAVE` unless given.
    #[deserr(default)]
    pub kind: Option<Kind>,
    /// What is written beside it; no clinical detail belongs here.
    #[deserr(default)]
    pub reason: Option<Line<200>>,
}

#[derive(Debug, Deserr)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(super) struct Parameters {
    #[deserr(default, try_from(Option<String>) = number -> Fault)]
    pub page: Option<u64>,
    #[deserr(default, try_from(Option<String>) = number -> Fault)]
    pub page_size: Option<u64>,
    #[deserr(default)]
    pub cursor: Option<String>,
}

impl Absence {
    /// The stretch of time, if it is one.
    pub fn span(&self, calendar: &Calendar, now: DateTime<Utc>) -> Result<Span, Error> {
        let (first, last) = (self.start_date.get(), self.end_date.get());
        if last < first {
            return Err(Error::invalid("end_date", "before_start", "must not be before start_date"));
        }
        if (last - first).num_days() >= MOST_DAYS {
            let message = format!("must be at most {MOST_DAYS} days from start_date");
            return Err(Error::invalid("end_date", "range_too_long", message));
        }
        let start = first_instant(calendar.zone, first, self.start_time.map_or(NaiveTime::MIN, |time| time.0));
        let end = match self.end_time {
            Some(time) => first_instant(calendar.zone, last, time.0),
            None => calendar.days(last, last).map(|day| day.end),
        };
        let span = start.zip(end).map(|(start, end)| Span { start, end });
        let span = span.ok_or_else(|| Error::invalid("end_date", "invalid_date", "is outside the calendar"))?;
        if span.end - span.start < TimeDelta::minutes(1) {
            return Err(Error::invalid("end_time", "before_start", "must be after start_time"));
        }
        if span.end <= now {
            return Err(Error::invalid("end_date", "in_the_past", "is over"));
        }
        Ok(span)
    }
}
