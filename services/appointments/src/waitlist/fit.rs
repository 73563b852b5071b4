//! Which time that came free suits whom. Pure.

use std::collections::HashMap;

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;

use crate::plan::Plan;
use crate::slots::{self, Span};

/// What somebody can come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The first day.
    pub first: NaiveDate,
    /// The last day.
    pub last: NaiveDate,
    /// Not to begin before.
    pub earliest: Option<NaiveTime>,
    /// Not to end after.
    pub latest: Option<NaiveTime>,
    /// Days of the week, in days after Monday; none: any.
    pub weekdays: Vec<i16>,
    /// How long it takes; as long as the slots of the day unless said.
    pub minutes: Option<i64>,
}

impl Wish {
    fn suits(&self, date: NaiveDate) -> bool {
        let weekday = date.weekday().num_days_from_monday();
        let is_one = self.weekdays.is_empty() || self.weekdays.iter().any(|day| u32::try_from(*day) == Ok(weekday));
        (self.first..=self.last).contains(&date) && is_one
    }

    /// Whether any of its days is one of its days of the week.
    pub fn has_a_day(&self) -> bool {
        self.first.iter_days().take_while(|date| *date <= self.last).take(7).any(|date| self.suits(date))
    }
}

/// Time of a doctor's that came free, and what still holds some of it.
#[derive(Clone, Debug)]
pub struct Free<'a> {
    /// The hospital's zone.
    pub zone: Tz,
    /// When the doctor can be booked.
    pub plan: &'a Plan,
    /// What came free.
    pub opening: Span,
    /// Nothing is offered that begins earlier.
    pub from: DateTime<Utc>,
    held: HashMap<NaiveDate, Vec<Span>>,
}

impl<'a> Free<'a> {
    /// With what holds the doctor's time there, what is kept free around it included.
    pub fn new(zone: Tz, plan: &'a Plan, opening: Span, from: DateTime<Utc>, held: &[Span]) -> Self {
        let mut free = Self { zone, plan, opening, from, held: HashMap::new() };
        held.iter().for_each(|span| free.take(*span));
        free
    }

    fn date(&self, instant: DateTime<Utc>) -> NaiveDate {
        instant.with_timezone(&self.zone).date_naive()
    }

    /// Some of it is held now.
    pub fn take(&mut self, held: Span) {
        let (first, last) = (self.date(held.start), self.date(held.end));
        for date in first.iter_days().take_while(|date| *date <= last) {
            self.held.entry(date).or_default().push(held);
        }
    }

    /// Whether every minute of what came free is held again, so that nobody else can have any of it.
    pub fn is_used_up(&self) -> bool {
        let mut held: Vec<Span> = self.held.values().flatten().copied().collect();
        held.sort_unstable();
        let mut until = self.opening.start.max(self.from);
        for span in held {
            if span.start > until {
                break;
            }
            until = until.max(span.end);
        }
        until >= self.opening.end
    }

    /// The places in it that suit somebody, in order of their days: where the time itself begins, then on the grid of slots.
    pub fn places<'b>(&'b self, wish: &'b Wish) -> impl Iterator<Item = Span> + 'b {
        let last_instant = self.opening.end - TimeDelta::microseconds(1);
        let first = wish.first.max(self.date(self.opening.start));
        let last = wish.last.min(self.date(last_instant));
        let days = (0..=(last - first).num_days()).filter_map(move |day| {
            let date = first.checked_add_days(Days::new(u64::try_from(day).ok()?))?;
            wish.suits(date).then_some(date)
        });
        days.flat_map(move |date| self.places_on(date, wish))
    }

    fn places_on<'b>(&'b self, date: NaiveDate, wish: &'b Wish) -> impl Iterator<Item = Span> + 'b {
        let hours = self.plan.hours(date);
        let minutes = wish.minutes.or(hours.map(|hours| hours.slot_minutes));
        let first = Some(self.opening.start).filter(|start| self.date(*start) == date && self.has_a_name(*start));
        let grid = self.plan.grid(self.zone, date).into_iter().map(|slot| slot.start);
        let starts = first.into_iter().chain(grid.filter(move |start| Some(*start) != first));
        starts
            .filter_map(move |start| {
                let end = start.checked_add_signed(TimeDelta::minutes(minutes?))?;
                Some(Span { start, end })
            })
            .filter(move |span| self.can_be_had(date, span) && self.is_in_time(date, span, wish))
    }

    /// Whether the wall clock can say it: a whole minute, and not the second pass of a repeated hour.
    fn has_a_name(&self, start: DateTime<Utc>) -> bool {
        let local = start.with_timezone(&self.zone).naive_local();
        slots::is_whole_minute(local.time()) && slots::instant(self.zone, local.date(), local.time()) == Some(start)
    }

    fn can_be_had(&self, date: NaiveDate, span: &Span) -> bool {
        let hold = self.plan.hold(date, *span);
        let days = [Some(date), Some(self.date(hold.start)).filter(|day| *day != date), Some(self.date(hold.end))];
        let mut held = days.into_iter().flatten().filter_map(|day| self.held.get(&day)).flatten();
        span.start >= self.from
            && span.overlaps(&self.opening)
            && self.plan.check(self.zone, date, span).is_ok()
            && !held.any(|held| held.overlaps(&hold))
    }

    fn is_in_time(&self, date: NaiveDate, span: &Span, wish: &Wish) -> bool {
        let clock = |instant: DateTime<Utc>| instant.with_timezone(&self.zone).time();
        self.date(span.end) == date
            && wish.earliest.is_none_or(|earliest| clock(span.start) >= earliest)
            && wish.latest.is_none_or(|latest| clock(span.end) <= latest)
    }
}

#[cfg(test)]
#[path = "fit_tests.rs"]
mod tests;
