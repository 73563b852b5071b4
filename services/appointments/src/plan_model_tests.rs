//! Plans against a slow, obvious model that looks at one minute after the other: a million cases in each of three zones, from a
//! fixed seed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::as_conversions)]

use std::collections::HashMap;

use chrono::{NaiveTime, Timelike};
use chrono_tz::{America, Europe, Tz};

use super::tests::{Dice, KOLKATA, daily, date};
use super::*;

/// The days that make calendars hard: clocks put forward and back, a leap day, and where months and years end.
const HARD: [&str; 12] = [
    "2026-03-08", // New York goes forward
    "2026-03-29", // London goes forward
    "2026-10-25", // London goes back
    "2026-11-01", // New York goes back
    "2027-03-14",
    "2027-03-28",
    "2027-10-31",
    "2027-11-07",
    "2026-12-31",
    "2027-01-01",
    "2028-02-29",
    "2028-03-01",
];

/// What the wall clock of a zone shows on a day, minute by minute. Reads the clock; computes nothing.
struct Clock {
    first: DateTime<Utc>,
    /// In minutes since midnight.
    shown: Vec<i64>,
    /// By what is shown: how many minutes of the day are over when it is shown first, if it is.
    named: Vec<Option<i64>>,
}

impl Clock {
    fn of(zone: Tz, day: NaiveDate) -> Self {
        let around = day.and_time(NaiveTime::MIN).and_utc() - TimeDelta::hours(16);
        let minutes = (0..48 * 60).map(|minute| around + TimeDelta::minutes(minute));
        let of_day = minutes.filter(|instant| instant.with_timezone(&zone).date_naive() == day);
        let of_day: Vec<DateTime<Utc>> = of_day.collect();
        let shown = of_day.iter().map(|instant| instant.with_timezone(&zone).time());
        let shown: Vec<i64> = shown.map(|time| i64::from(time.hour() * 60 + time.minute())).collect();
        let mut named = vec![None; 1440];
        for (minute, shown) in (0..).zip(&shown) {
            named[usize::try_from(*shown).unwrap()].get_or_insert(minute);
        }
        Self { first: of_day[0], shown, named }
    }

    fn length(&self) -> i64 {
        i64::try_from(self.shown.len()).unwrap()
    }

    /// How many minutes of the day are over when the clock shows this for the first time, or when it is put forward over it.
    fn minute_of(&self, shown: i64) -> i64 {
        let from_then_on = self.named.iter().skip(usize::try_from(shown).unwrap());
        from_then_on.flatten().next().copied().unwrap_or(self.length())
    }

    /// Whether the clock shows at that minute of the day what it has shown before: the second pass of an hour that comes twice.
    fn repeats(&self, minute: i64) -> bool {
        self.minute_of(self.shown[usize::try_from(minute).unwrap()]) != minute
    }

    fn at(&self, minute: i64) -> DateTime<Utc> {
        self.first + TimeDelta::minutes(minute)
    }

    fn span(&self, (from, until): (i64, i64)) -> Span {
        Span { start: self.at(from), end: self.at(until) }
    }
}

/// One day: the openings as the wall clock shows them, and all else in minutes since the day began, whatever the clock does.
struct Day<'a> {
    clock: &'a Clock,
    hours: (i64, i64, i64),
    openings: Vec<(i64, i64)>,
    open: Vec<(i64, i64)>,
    away: Vec<(i64, i64)>,
    taken: Vec<(i64, i64)>,
    is_holiday: bool,
}

impl<'a> Day<'a> {
    fn throw(dice: &mut Dice, clock: &'a Clock) -> Self {
        let lengths = [5, 10, 15, 20, 30, 45, 60];
        let (slot, before, after) = (lengths[dice.below(7) as usize], dice.below(3) * 5, dice.below(3) * 5);
        let mut openings: Vec<(i64, i64)> = Vec::new();
        for _ in 0..dice.below(3) {
            let (from, until) = dice.edges(15);
            if openings.iter().all(|other| until <= other.0 || other.1 <= from) {
                openings.push((from, until));
            }
        }
        openings.sort_unstable();
        let away = (0..dice.below(2)).map(|_| dice.edges(5)).collect();
        let mut taken: Vec<(i64, i64)> = Vec::new();
        for _ in 0..dice.below(4) {
            let from = dice.below(clock.length() / 5 - 8) * 5;
            let until = from + 5 + dice.below(8) * 5;
            if taken.iter().all(|other| until <= other.0 || other.1 <= from) {
                taken.push((from, until));
            }
        }
        taken.sort_unstable();
        let open = openings.iter().map(|(from, until)| (clock.minute_of(*from), clock.minute_of(*until))).collect();
        Self { clock, hours: (slot, before, after), openings, open, away, taken, is_holiday: dice.below(20) == 0 }
    }

    /// Whether every minute of an appointment is open, and the doctor there and free, with what is kept free around it.
    fn can_be_booked(&self, from: i64, length: i64) -> bool {
        let (_, before, after) = self.hours;
        let within =
            |minute: i64, spans: &[(i64, i64)]| spans.iter().any(|(from, until)| (*from..*until).contains(&minute));
        let held: Vec<(i64, i64)> = self.taken.iter().map(|(from, until)| (from - before, until + after)).collect();
        !self.is_holiday
            && (from..from + length).all(|minute| within(minute, &self.open) && !within(minute, &self.away))
            && (from - before..from + length + after).all(|minute| !within(minute, &held))
    }

    /// Where slots begin: every opening, then a step after each. What has a name that another had before has none of its own.
    fn starts(&self) -> Vec<i64> {
        let (slot, before, after) = self.hours;
        let mut starts = Vec::new();
        for (from, until) in &self.open {
            let mut start = *from;
            while start + slot <= *until {
                starts.extend((!self.clock.repeats(start)).then_some(start));
                start += slot + before + after;
            }
        }
        starts
    }

    fn plan(&self, date: NaiveDate) -> Plan {
        let (slot, before, after) = self.hours;
        Plan {
            usual: Some(daily(slot, before, after, &self.openings)),
            periods: Vec::new(),
            away: self.away.iter().map(|away| self.clock.span(*away)).collect(),
            holidays: if self.is_holiday { vec![date] } else { Vec::new() },
        }
    }
}

/// How many cases; a case is one slot of one random day, judged by both.
const CASES: usize = 1_000_000;

/// A million slots of a zone, every fourth day of them a hard one.
fn judge(zone: Tz) {
    let mut dice = Dice(0x0005_eed0_fe45_2026);
    let mut clocks: HashMap<NaiveDate, Clock> = HashMap::new();
    let mut cases = 0;
    while cases < CASES {
        let on = match dice.below(4) {
            0 => date(HARD[dice.below(12) as usize]),
            _ => date("2026-01-01") + Days::new(u64::try_from(dice.below(1500)).unwrap()),
        };
        let clock = clocks.entry(on).or_insert_with(|| Clock::of(zone, on));
        cases += judge_day(zone, on, &Day::throw(&mut dice, clock), dice.below(600));
    }
}

/// Looks at a day at some minute of it, and gives how many slots it has.
fn judge_day(zone: Tz, on: NaiveDate, day: &Day<'_>, minute_now: i64) -> usize {
    let (slot, before, after) = day.hours;
    let (plan, now) = (day.plan(on), day.clock.at(minute_now));
    let busy: Vec<Busy> = (1..)
        .zip(&day.taken)
        .map(|(appointment, taken)| {
            let span = day.clock.span(*taken);
            Busy { span, held: span.widened(before, after), appointment: Some(appointment) }
        })
        .collect();
    let held: Vec<Span> = busy.iter().map(|taken| taken.held).collect();
    let starts = day.starts();
    let minute = |instant: DateTime<Utc>| (instant - day.clock.first).num_minutes();
    let search = Search { minutes: None, held: &held, others: &[], from: now, days: 1, count: 1000 };
    let free: Vec<i64> = plan.free(zone, &search).iter().map(|span| minute(span.start)).collect();
    let model: Vec<i64> =
        starts.iter().copied().filter(|start| *start >= minute_now && day.can_be_booked(*start, slot)).collect();
    assert_eq!(free, model, "what is offered on {on} in {zone}");
    let shown = plan.day(zone, on, &busy, now);
    for taken in &busy {
        let is_shown = shown.iter().any(|(_, state)| Some(*state) == taken.appointment.map(State::Booked));
        assert!(is_shown, "{taken:?} on {on} in {zone}");
    }
    let mut cases = 0;
    for (span, state) in shown {
        let (from, until) = (minute(span.start), minute(span.end));
        if !starts.contains(&from) && busy.iter().any(|taken| (taken.span, state_of(taken)) == (span, state)) {
            continue; // one that no slot shows
        }
        let taken = day.taken.iter().position(|taken| taken.0 < until && from < taken.1);
        let expected = match taken {
            Some(place) => State::Booked(i64::try_from(place).unwrap() + 1),
            None if model.contains(&from) => State::Free,
            None => State::Blocked,
        };
        assert_eq!(state, expected, "{from} to {until} on {on} in {zone}");
        cases += 1;
    }
    cases
}

#[test]
fn of_a_million_slots_each_is_what_the_model_says() {
    judge(KOLKATA);
}

#[test]
fn of_a_million_slots_in_london_each_is_what_the_model_says() {
    judge(Europe::London);
}

#[test]
fn of_a_million_slots_in_new_york_each_is_what_the_model_says() {
    judge(America::New_York);
}

#[test]
fn the_model_knows_the_days_on_which_clocks_are_put_forward_and_back() {
    let length = |zone: Tz, day: &str| Clock::of(zone, date(day)).length();
    assert_eq!((length(KOLKATA, "2026-03-29"), length(KOLKATA, "2026-10-25")), (1440, 1440));
    assert_eq!((length(Europe::London, "2026-03-29"), length(Europe::London, "2026-10-25")), (1380, 1500));
    assert_eq!((length(America::New_York, "2027-03-14"), length(America::New_York, "2027-11-07")), (1380, 1500));
    let back = Clock::of(Europe::London, date("2026-10-25"));
    assert_eq!((back.minute_of(60), back.minute_of(120)), (60, 180));
    assert!(!back.repeats(119) && back.repeats(120) && back.repeats(179) && !back.repeats(180));
    let forward = Clock::of(Europe::London, date("2026-03-29"));
    assert_eq!((forward.minute_of(59), forward.minute_of(90), forward.minute_of(120)), (59, 60, 60));
}
