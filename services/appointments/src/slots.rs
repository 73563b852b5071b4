//! Slot arithmetic: the hospital's wall clock on one side, instants on the other. Pure.
//!
//! Hours are written on the wall clock of one zone; appointments are instants. Where a zone changes its offset,
//! a wall-clock time may not exist (then nobody can book it) or exist twice (then it means the first).

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeDelta, TimeZone, Timelike, Utc};
use chrono_tz::Tz;

/// The shortest and the longest appointment, in minutes. The database holds the same upper bound.
pub const MINUTES: std::ops::RangeInclusive<i64> = 5..=480;

/// A stretch of time: `start` is in it, `end` is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The first instant.
    pub start: DateTime<Utc>,
    /// The first instant after it.
    pub end: DateTime<Utc>,
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

/// An appointment that takes up time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy {
    /// Its time.
    pub span: Span,
    /// Its id.
    pub appointment: i64,
}

/// What a slot of a schedule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Can be booked.
    Free,
    /// Taken by this appointment.
    Booked(i64),
    /// Neither: it has begun already.
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
    if end.with_timezone(&zone).date_naive() != date {
        return Err(Misplaced::AcrossMidnight);
    }
    Ok(Span { start, end })
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

/// The day's slots as the hours lay them out, booked or not.
pub fn grid(hours: &Hours, zone: Tz, date: NaiveDate) -> Vec<Span> {
    let step = TimeDelta::minutes(hours.slot_minutes.max(*MINUTES.start()));
    let mut slots = Vec::new();
    for opening in openings(hours, zone, date) {
        let mut start = opening.start;
        while start + step <= opening.end {
            if is_addressable(zone, start) {
                slots.push(Span { start, end: start + step });
            }
            start += step;
        }
    }
    slots
}

/// Up to `count` free places of `minutes` that begin on the grid, not before `from`, within `horizon` days after it.
/// `busy` need not be in order.
pub fn next_free(
    hours: &Hours,
    zone: Tz,
    minutes: i64,
    busy: &[Span],
    from: DateTime<Utc>,
    horizon: u64,
    count: usize,
) -> Vec<Span> {
    let first = from.with_timezone(&zone).date_naive();
    (0..horizon)
        .filter_map(|day| first.checked_add_days(Days::new(day)))
        .flat_map(|date| {
            let open = working(hours, zone, date);
            grid(hours, zone, date).into_iter().filter_map(move |slot| {
                let span = Span { start: slot.start, end: slot.start + TimeDelta::minutes(minutes) };
                let fits = span.start >= from && open.iter().any(|opening| opening.holds(&span));
                fits.then_some(span)
            })
        })
        .filter(|span| !busy.iter().any(|taken| taken.overlaps(span)))
        .take(count)
        .collect()
}

/// A day as the desk sees it: every slot of the grid, and every appointment that lies outside it (the hours have changed since).
/// `busy` is in order of start and does not overlap itself.
pub fn schedule(grid: &[Span], busy: &[Busy], now: DateTime<Utc>) -> Vec<(Span, State)> {
    let mut slots: Vec<(Span, State)> = grid
        .iter()
        .map(|slot| {
            let taken = first_after(busy, slot.start).filter(|taken| taken.span.overlaps(slot));
            let state = match taken {
                Some(taken) => State::Booked(taken.appointment),
                None if slot.start < now => State::Blocked,
                None => State::Free,
            };
            (*slot, state)
        })
        .collect();
    let outside = busy.iter().filter(|taken| !grid.iter().any(|slot| slot.overlaps(&taken.span)));
    slots.extend(outside.map(|taken| (taken.span, State::Booked(taken.appointment))));
    slots.sort_by_key(|(span, _)| *span);
    slots
}

/// The first appointment that ends after `start`.
fn first_after(busy: &[Busy], start: DateTime<Utc>) -> Option<&Busy> {
    busy.get(busy.partition_point(|taken| taken.span.end <= start))
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
