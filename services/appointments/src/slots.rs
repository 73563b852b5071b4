//! Slot arithmetic: the hospital's wall clock on one side, instants on the other. Pure.
//!
//! Hours are written on the wall clock of one zone; appointments are instants. Where a zone changes its offset,
//! a wall-clock time may not exist (then nobody can book it) or exist twice (then it means the first).

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeDelta, TimeZone, Timelike, Utc};
use chrono_tz::Tz;

/// The shortest and the longest appointment, in minutes. The database holds the same upper bound, and that of [`BUFFER`].
pub const MINUTES: std::ops::RangeInclusive<i64> = 5..=480;
/// What a doctor may keep free before or after an appointment, in minutes.
pub const BUFFER: std::ops::RangeInclusive<i64> = 0..=120;

/// A stretch of time: `start` is in it, `end` is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The first instant.
    pub start: DateTime<Utc>,
    /// The first instant after it.
    pub end: DateTime<Utc>,
}

/// What is left of a slot from a minute on, and at least as long as an appointment has to be: who comes in its last minutes
/// runs a little over.
///
/// # Errors
/// When that is over midnight, where no appointment can lie.
pub fn rest_of(zone: Tz, slot: Span, minute: DateTime<Utc>) -> Result<Span, Misplaced> {
    let start = slot.start.max(minute);
    let end = slot.end.max(start + TimeDelta::minutes(*MINUTES.start()));
    within_a_day(zone, Span { start, end })
}

impl Span {
    /// Whether the two share an instant; touching is not overlapping.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// Whether `other` lies wholly inside.
    pub fn holds(&self, other: &Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    /// Length in whole minutes.
    pub fn minutes(&self) -> i64 {
        (self.end - self.start).num_minutes()
    }

    /// With so many minutes more on both sides; unchanged at the ends of the calendar.
    pub fn widened(&self, before: i64, after: i64) -> Self {
        let start = self.start.checked_sub_signed(TimeDelta::minutes(before)).unwrap_or(self.start);
        let end = self.end.checked_add_signed(TimeDelta::minutes(after)).unwrap_or(self.end);
        Self { start, end }
    }
}

/// One interval of a working day, on the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Opening {
    /// Days after Monday, 0 to 6.
    pub weekday: i16,
    /// When it opens.
    pub start: NaiveTime,
    /// When it closes, on the same day.
    pub end: NaiveTime,
}

/// A doctor's week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours {
    /// Length of a slot, in minutes.
    pub slot_minutes: i64,
    /// Minutes that the doctor keeps free before each appointment.
    pub before: i64,
    /// Minutes that the doctor keeps free after it.
    pub after: i64,
    /// Intervals, in order of weekday and start, none overlapping another.
    pub openings: Vec<Opening>,
}

/// Why a wall-clock time is no place for an appointment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misplaced {
    /// The clock is put forward over it.
    NoSuchTime,
    /// It would end on another day.
    AcrossMidnight,
}

/// What takes up the doctor's time: an appointment, or an offer that holds it for somebody who waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy {
    /// Its time.
    pub span: Span,
    /// The same with what the doctor keeps free around it.
    pub held: Span,
    /// The appointment's id; `None` of an offer.
    pub appointment: Option<i64>,
}

/// What a slot of a schedule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Can be booked.
    Free,
    /// Taken by this appointment.
    Booked(i64),
    /// Neither: it has begun, the doctor is away, or keeps it free around an appointment, or it is held for somebody who waits.
    Blocked,
}

/// The instant that a wall-clock time means, or `None` where the clock is put forward over it.
pub fn instant(zone: Tz, date: NaiveDate, time: NaiveTime) -> Option<DateTime<Utc>> {
    zone.from_local_datetime(&date.and_time(time)).earliest().map(|local| local.to_utc())
}

/// The first instant at or after a wall-clock time; `None` only at the ends of the calendar.
pub fn first_instant(zone: Tz, date: NaiveDate, time: NaiveTime) -> Option<DateTime<Utc>> {
    let wanted = date.and_time(time);
    (0..=24 * 60).find_map(|minutes| {
        let later = wanted.checked_add_signed(TimeDelta::minutes(minutes))?;
        instant(zone, later.date(), later.time())
    })
}

/// The first instant of each of the days from `start` to `end`, both included, and of the day after: the span that they fill.
pub fn days(zone: Tz, start: NaiveDate, end: NaiveDate) -> Option<Span> {
    let after = end.checked_add_days(Days::new(1))?;
    Some(Span { start: first_instant(zone, start, NaiveTime::MIN)?, end: first_instant(zone, after, NaiveTime::MIN)? })
}

/// The span of an appointment that begins at a wall-clock time.
pub fn place(zone: Tz, date: NaiveDate, time: NaiveTime, minutes: i64) -> Result<Span, Misplaced> {
    let start = instant(zone, date, time).ok_or(Misplaced::NoSuchTime)?;
    let end = start.checked_add_signed(TimeDelta::minutes(minutes)).ok_or(Misplaced::AcrossMidnight)?;
    within_a_day(zone, Span { start, end })
}

fn within_a_day(zone: Tz, span: Span) -> Result<Span, Misplaced> {
    let day = |instant: DateTime<Utc>| instant.with_timezone(&zone).date_naive();
    if day(span.start) == day(span.end) { Ok(span) } else { Err(Misplaced::AcrossMidnight) }
}

/// When the doctor works that day: intervals that touch are one.
pub fn working(hours: &Hours, zone: Tz, date: NaiveDate) -> Vec<Span> {
    let mut merged: Vec<Span> = Vec::new();
    for span in openings(hours, zone, date) {
        match merged.last_mut() {
            Some(last) if last.end >= span.start => last.end = last.end.max(span.end),
            _ => merged.push(span),
        }
    }
    merged
}

/// The day's slots as the hours lay them out, booked or not; what the doctor keeps free lies between them.
pub fn grid(hours: &Hours, zone: Tz, date: NaiveDate) -> Vec<Span> {
    let length = TimeDelta::minutes(hours.slot_minutes.max(*MINUTES.start()));
    let step = length + TimeDelta::minutes(hours.before.max(0)) + TimeDelta::minutes(hours.after.max(0));
    let mut slots = Vec::new();
    for opening in openings(hours, zone, date) {
        let mut start = opening.start;
        while start + length <= opening.end {
            if is_addressable(zone, start) {
                slots.push(Span { start, end: start + length });
            }
            start += step;
        }
    }
    slots
}

fn openings(hours: &Hours, zone: Tz, date: NaiveDate) -> impl Iterator<Item = Span> {
    let weekday = date.weekday().num_days_from_monday();
    hours.openings.iter().filter(move |opening| u32::try_from(opening.weekday) == Ok(weekday)).filter_map(
        move |opening| {
            let span =
                Span { start: first_instant(zone, date, opening.start)?, end: first_instant(zone, date, opening.end)? };
            (span.start < span.end).then_some(span)
        },
    )
}

/// Whether the wall clock's time at that instant leads back to it: the second pass of a repeated hour has no name of its own.
fn is_addressable(zone: Tz, start: DateTime<Utc>) -> bool {
    let local = start.with_timezone(&zone).naive_local();
    instant(zone, local.date(), local.time()) == Some(start)
}

/// Whether a wall-clock time is a whole minute: nobody is booked for 10:00:30.
pub fn is_whole_minute(time: NaiveTime) -> bool {
    time.second() == 0 && time.nanosecond() == 0
}

#[cfg(test)]
#[path = "slots_tests.rs"]
mod tests;
