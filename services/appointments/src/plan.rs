//! When a doctor can be booked: the usual week, other weeks for a while, holidays, and time away. Pure.

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;

use crate::slots::{self, Busy, Hours, Span, State};

/// All that decides when a doctor can be booked, of the days that it was loaded for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The usual week; `None` when none was ever set.
    pub usual: Option<Hours>,
    /// Weeks that take its place for a while; none overlaps another.
    pub periods: Vec<Period>,
    /// When the doctor is away.
    pub away: Vec<Span>,
    /// Public holidays, unless the doctor works on them.
    pub holidays: Vec<NaiveDate>,
}

/// A week for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    /// The first day.
    pub from: NaiveDate,
    /// The last day; `None`: for good.
    pub until: Option<NaiveDate>,
    /// The hours.
    pub hours: Hours,
}

/// Why an appointment cannot be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shut {
    /// The doctor has no hours at all.
    NoHours,
    /// Not in the hours of that day.
    OutsideHours,
    /// A public holiday.
    Holiday,
    /// The doctor is away.
    Away,
}

/// What is looked for.
#[derive(Clone, Copy, Debug)]
pub struct Search<'a> {
    /// Length of the appointment; the day's slot length where none is given.
    pub minutes: Option<i64>,
    /// What holds the doctor's time, with what is kept free around it.
    pub held: &'a [Span],
    /// What else is in the way: the patient's other appointments, the room's.
    pub others: &'a [Span],
    /// Not before.
    pub from: DateTime<Utc>,
    /// How many days are looked through.
    pub days: u64,
    /// How many places are wanted.
    pub count: usize,
}

impl Period {
    fn holds(&self, date: NaiveDate) -> bool {
        self.from <= date && self.until.is_none_or(|until| date <= until)
    }

    /// What of it lies before a day.
    pub fn before(&self, day: NaiveDate) -> Option<Self> {
        let last = day.pred_opt().filter(|last| self.from <= *last)?;
        let until = self.until.map_or(last, |until| until.min(last));
        Some(Self { until: Some(until), ..self.clone() })
    }
}

/// Puts a period in the place of what the others say of its days; what they say of other days stays.
pub fn cut_in(periods: Vec<Period>, new: Period) -> Vec<Period> {
    let mut all = Vec::new();
    for old in periods {
        all.extend(old.before(new.from));
        let after =
            new.until.and_then(|until| until.succ_opt()).filter(|first| old.until.is_none_or(|last| *first <= last));
        if let Some(first) = after {
            all.push(Period { from: old.from.max(first), ..old });
        }
    }
    all.push(new);
    all.sort_by_key(|period| period.from);
    all
}

impl Plan {
    /// The hours in force on a day, holiday or not.
    pub fn hours(&self, date: NaiveDate) -> Option<&Hours> {
        let period = self.periods.iter().find(|period| period.holds(date));
        period.map(|period| &period.hours).or(self.usual.as_ref())
    }

    /// The slots that the day's hours lay out, whether the doctor is there or not.
    pub fn grid(&self, zone: Tz, date: NaiveDate) -> Vec<Span> {
        self.hours(date).map(|hours| slots::grid(hours, zone, date)).unwrap_or_default()
    }

    /// The time of an appointment with what the doctor keeps free around it on that day.
    pub fn hold(&self, date: NaiveDate, span: Span) -> Span {
        self.hours(date).map_or(span, |hours| span.widened(hours.before, hours.after))
    }

    /// Whether the doctor is there for all of an appointment.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, zone: Tz, date: NaiveDate, span: &Span) -> Result<(), Shut> {
        let hours = self.hours(date).ok_or(if self.periods.is_empty() { Shut::NoHours } else { Shut::OutsideHours })?;
        if !slots::working(hours, zone, date).iter().any(|open| open.holds(span)) {
            return Err(Shut::OutsideHours);
        }
        if self.holidays.contains(&date) {
            return Err(Shut::Holiday);
        }
        if self.away.iter().any(|away| away.overlaps(span)) { Err(Shut::Away) } else { Ok(()) }
    }

    /// Free places that begin on the grid, in order.
    pub fn free(&self, zone: Tz, search: &Search<'_>) -> Vec<Span> {
        let first = search.from.with_timezone(&zone).date_naive();
        (0..search.days)
            .filter_map(|day| first.checked_add_days(Days::new(day)))
            .flat_map(|date| self.free_on(zone, date, search))
            .take(search.count)
            .collect()
    }

    fn free_on<'a>(&'a self, zone: Tz, date: NaiveDate, search: &'a Search<'_>) -> impl Iterator<Item = Span> + 'a {
        let away = self.holidays.contains(&date);
        let hours = self.hours(date).filter(|_| !away);
        let open = hours.map(|hours| slots::working(hours, zone, date)).unwrap_or_default();
        let grid = hours.map(|hours| slots::grid(hours, zone, date)).unwrap_or_default();
        grid.into_iter()
            .filter_map(move |slot| {
                let minutes = search.minutes.unwrap_or_else(|| slot.minutes());
                let span = Span { start: slot.start, end: slot.start.checked_add_signed(TimeDelta::minutes(minutes))? };
                (span.start >= search.from && open.iter().any(|open| open.holds(&span))).then_some(span)
            })
            .filter(move |span| {
                let hold = self.hold(date, *span);
                !self.away.iter().chain(search.others).any(|taken| taken.overlaps(span))
                    && !search.held.iter().any(|held| held.overlaps(&hold))
            })
    }

    /// A day as the desk sees it: every slot of the grid, and every appointment of the day that none of them shows, since the hours
    /// have changed, or another one is in the slot too. `busy` may be of the days around it, whose time reaches into this one.
    pub fn day(&self, zone: Tz, date: NaiveDate, busy: &[Busy], now: DateTime<Utc>) -> Vec<(Span, State)> {
        let grid = self.grid(zone, date);
        let is_holiday = self.holidays.contains(&date);
        let state = |slot: &Span| {
            let hold = self.hold(date, *slot);
            match busy.iter().find(|taken| taken.span.overlaps(slot)) {
                Some(taken) => state_of(taken),
                None if is_holiday || slot.start < now => State::Blocked,
                None if self.away.iter().any(|away| away.overlaps(slot)) => State::Blocked,
                None if busy.iter().any(|taken| taken.held.overlaps(&hold)) => State::Blocked,
                None => State::Free,
            }
        };
        let mut slots: Vec<(Span, State)> = grid.iter().map(|slot| (*slot, state(slot))).collect();
        let is_shown = |taken: &Busy| match taken.appointment {
            Some(id) => slots.iter().any(|(_, state)| *state == State::Booked(id)),
            None => grid.iter().any(|slot| slot.overlaps(&taken.span)),
        };
        let is_of_the_day = |taken: &Busy| taken.span.start.with_timezone(&zone).date_naive() == date;
        let others: Vec<(Span, State)> = busy
            .iter()
            .filter(|taken| is_of_the_day(taken) && !is_shown(taken))
            .map(|taken| (taken.span, state_of(taken)))
            .collect();
        slots.extend(others);
        slots.sort_by_key(|(span, _)| *span);
        slots
    }

    /// The slot that runs at this instant; behind the last whole one, what is left of the working day.
    pub fn running(&self, zone: Tz, now: DateTime<Utc>) -> Option<Span> {
        let date = now.with_timezone(&zone).date_naive();
        let is_now = |span: &Span| span.start <= now && now < span.end;
        let hours = self.hours(date)?;
        let open = slots::working(hours, zone, date).into_iter().find(is_now)?;
        let grid = slots::grid(hours, zone, date);
        let slot = grid.iter().copied().find(is_now).or_else(|| {
            // Between two slots, or behind the last: from the end of the one before to where the next begins.
            let start = grid.iter().map(|slot| slot.end).filter(|end| *end <= now).max().unwrap_or(open.start);
            let end = grid.iter().map(|slot| slot.start).filter(|start| *start > now).min().unwrap_or(open.end);
            Some(Span { start: start.max(open.start), end: end.min(open.end) })
        })?;
        self.check(zone, date, &slot).is_ok().then_some(slot)
    }
}

fn state_of(taken: &Busy) -> State {
    taken.appointment.map_or(State::Blocked, State::Booked)
}

#[cfg(test)]
#[path = "plan_model_tests.rs"]
mod model_tests;
#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
