//! Plans against a slow, obvious model that looks at one minute after the other: a million cases from a fixed seed, and the
//! days that make calendars hard.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::as_conversions)]

use chrono::{Datelike, NaiveTime, Timelike};
use chrono_tz::{America, Asia, Tz};

use super::*;
use crate::slots::Opening;

const KOLKATA: Tz = Asia::Kolkata;

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn span(start: &str, end: &str) -> Span {
    Span { start: utc(start), end: utc(end) }
}

fn clock(minute: i64) -> NaiveTime {
    let minute = u32::try_from(minute).unwrap();
    NaiveTime::from_hms_opt(minute / 60, minute % 60, 0).unwrap()
}

/// The same every day: from, until in minutes.
fn daily(slot_minutes: i64, before: i64, after: i64, openings: &[(i64, i64)]) -> Hours {
    let mut all: Vec<Opening> = (0..7)
        .flat_map(|weekday| openings.iter().map(move |(from, until)| (weekday, *from, *until)))
        .map(|(weekday, from, until)| Opening { weekday, start: clock(from), end: clock(until) })
        .collect();
    all.sort();
    Hours { slot_minutes, before, after, openings: all }
}

fn nine_to_five() -> Plan {
    Plan { usual: Some(daily(30, 0, 0, &[(540, 1020)])), ..Plan::default() }
}

/// Small and good enough: xorshift64*.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: i64) -> i64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let roll = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        i64::try_from(roll).unwrap() % bound
    }

    /// Two edges of the day on a raster, in order, apart.
    fn edges(&mut self, raster: i64) -> (i64, i64) {
        let last = 1435 / raster;
        let (a, b) = (self.below(last), self.below(last));
        (a.min(b) * raster, (a.max(b) + 1) * raster)
    }
}

/// One day of a clock that never changes, in minutes: what the model knows.
struct Day {
    hours: (i64, i64, i64),
    openings: Vec<(i64, i64)>,
    away: Vec<(i64, i64)>,
    taken: Vec<(i64, i64)>,
    is_holiday: bool,
}

impl Day {
    fn throw(dice: &mut Dice) -> Self {
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
            let from = dice.below(280) * 5;
            let until = from + 5 + dice.below(8) * 5;
            if taken.iter().all(|other| until <= other.0 || other.1 <= from) {
                taken.push((from, until));
            }
        }
        taken.sort_unstable();
        Self { hours: (slot, before, after), openings, away, taken, is_holiday: dice.below(20) == 0 }
    }

    /// Whether every minute of an appointment is open, and the doctor there and free, with what is kept free around it.
    fn can_be_booked(&self, from: i64, length: i64) -> bool {
        let (_, before, after) = self.hours;
        let within =
            |minute: i64, spans: &[(i64, i64)]| spans.iter().any(|(from, until)| (*from..*until).contains(&minute));
        let held: Vec<(i64, i64)> = self.taken.iter().map(|(from, until)| (from - before, until + after)).collect();
        !self.is_holiday
            && (from..from + length).all(|minute| within(minute, &self.openings) && !within(minute, &self.away))
            && (from - before..from + length + after).all(|minute| !within(minute, &held))
    }

    /// Where slots begin: every opening, then a step after each.
    fn starts(&self) -> Vec<i64> {
        let (slot, before, after) = self.hours;
        let mut starts = Vec::new();
        for (from, until) in &self.openings {
            let mut start = *from;
            while start + slot <= *until {
                starts.push(start);
                start += slot + before + after;
            }
        }
        starts
    }

    fn at(date: NaiveDate, minute: i64) -> DateTime<Utc> {
        slots::days(KOLKATA, date, date).unwrap().start + TimeDelta::minutes(minute)
    }

    fn span(date: NaiveDate, from: i64, until: i64) -> Span {
        Span { start: Self::at(date, from), end: Self::at(date, until) }
    }

    fn plan(&self, date: NaiveDate) -> Plan {
        let (slot, before, after) = self.hours;
        Plan {
            usual: Some(daily(slot, before, after, &self.openings)),
            periods: Vec::new(),
            away: self.away.iter().map(|(from, until)| Self::span(date, *from, *until)).collect(),
            holidays: if self.is_holiday { vec![date] } else { Vec::new() },
        }
    }
}

/// How many cases; a case is one slot of one random day, judged by both.
const CASES: usize = 1_000_000;

#[test]
fn of_a_million_slots_each_is_what_the_model_says() {
    let mut dice = Dice(0x0005_eed0_fe45_2026);
    let mut cases = 0;
    while cases < CASES {
        let day = Day::throw(&mut dice);
        let on = date("2026-01-01") + Days::new(u64::try_from(dice.below(1500)).unwrap());
        let (slot, before, after) = day.hours;
        let plan = day.plan(on);
        let busy: Vec<Busy> = (1..)
            .zip(&day.taken)
            .map(|(appointment, (from, until))| {
                let span = Day::span(on, *from, *until);
                Busy { span, held: span.widened(before, after), appointment: Some(appointment) }
            })
            .collect();
        let now = Day::at(on, dice.below(600));
        let held: Vec<Span> = busy.iter().map(|taken| taken.held).collect();
        let starts = day.starts();
        let minute = |instant: DateTime<Utc>| (instant - Day::at(on, 0)).num_minutes();
        let search = Search { minutes: None, held: &held, others: &[], from: now, days: 1, count: 1000 };
        let free: Vec<i64> = plan.free(KOLKATA, &search).iter().map(|span| minute(span.start)).collect();
        let model: Vec<i64> =
            starts.iter().copied().filter(|start| *start >= minute(now) && day.can_be_booked(*start, slot)).collect();
        assert_eq!(free, model, "what is offered on {on}");
        let shown = plan.day(KOLKATA, on, &busy, now);
        for taken in &busy {
            assert!(
                shown.iter().any(|(_, state)| Some(*state) == taken.appointment.map(State::Booked)),
                "{taken:?} on {on}"
            );
        }
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
            assert_eq!(state, expected, "{from} to {until} on {on}");
            cases += 1;
        }
    }
}

#[test]
fn hours_for_a_while_take_the_place_of_the_usual_ones() {
    let week = |slot| daily(slot, 0, 0, &[(540, 600)]);
    let mut plan = Plan { usual: Some(week(30)), ..Plan::default() };
    let period =
        |from: &str, until: Option<&str>, slot| Period { from: date(from), until: until.map(date), hours: week(slot) };
    plan.periods = cut_in(plan.periods, period("2026-12-01", Some("2026-12-31"), 20));
    plan.periods = cut_in(plan.periods, period("2026-12-10", Some("2026-12-12"), 15));
    plan.periods = cut_in(plan.periods, period("2027-02-01", None, 60));
    let slots = |day: &str| plan.grid(KOLKATA, date(day)).len();
    assert_eq!(["2026-11-30", "2026-12-01", "2026-12-09"].map(slots), [2, 3, 3]);
    assert_eq!(["2026-12-10", "2026-12-12", "2026-12-13", "2026-12-31"].map(slots), [4, 4, 3, 3]);
    assert_eq!(["2027-01-01", "2027-01-31", "2027-02-01", "2099-02-01"].map(slots), [2, 2, 1, 1]);
    let all = cut_in(plan.periods.clone(), period("2026-12-11", None, 5));
    let days: Vec<_> = all.iter().map(|period| (period.from, period.until)).collect();
    assert_eq!(
        days,
        [
            (date("2026-12-01"), Some(date("2026-12-09"))),
            (date("2026-12-10"), Some(date("2026-12-10"))),
            (date("2026-12-11"), None)
        ]
    );
}

#[test]
fn periods_never_overlap_however_they_are_cut_in() {
    let mut dice = Dice(0x00ab_cdef);
    for _ in 0..200 {
        let mut periods: Vec<Period> = Vec::new();
        let mut model: Vec<Option<i64>> = vec![None; 60];
        for round in 0..6 {
            let (a, b) = (dice.below(60), dice.below(60));
            let (from, until) = (a.min(b), a.max(b));
            let open_ended = dice.below(5) == 0;
            let on = |day: i64| date("2026-02-10") + Days::new(u64::try_from(day).unwrap());
            let new = Period {
                from: on(from),
                until: (!open_ended).then(|| on(until)),
                hours: daily(5 + round * 5, 0, 0, &[(540, 600)]),
            };
            periods = cut_in(periods, new);
            let last = if open_ended { 59 } else { until };
            (from..=last).for_each(|day| model[usize::try_from(day).unwrap()] = Some(5 + round * 5));
            for (day, slot) in (0..).zip(&model) {
                let there: Vec<_> = periods.iter().filter(|period| period.holds(on(day))).collect();
                assert!(there.len() <= 1);
                assert_eq!(there.first().map(|period| period.hours.slot_minutes), *slot);
            }
        }
    }
}

#[test]
fn why_a_time_cannot_be_had_is_told_apart() {
    let day = date("2026-12-01");
    let at = |from: &str, until: &str| span(&format!("2026-12-01T{from}Z"), &format!("2026-12-01T{until}Z"));
    let mut plan = nine_to_five();
    let ten = at("04:30:00", "05:00:00");
    assert_eq!(plan.check(KOLKATA, day, &ten), Ok(()));
    assert_eq!(plan.check(KOLKATA, day, &at("03:15:00", "03:45:00")), Err(Shut::OutsideHours));
    plan.away.push(at("04:45:00", "06:00:00"));
    assert_eq!(plan.check(KOLKATA, day, &ten), Err(Shut::Away));
    assert_eq!(plan.check(KOLKATA, day, &at("04:15:00", "04:45:00")), Ok(()));
    plan.holidays.push(day);
    assert_eq!(plan.check(KOLKATA, day, &ten), Err(Shut::Holiday));
    assert_eq!(Plan::default().check(KOLKATA, day, &ten), Err(Shut::NoHours));
}

#[test]
fn what_is_kept_free_counts_on_both_sides() {
    let day = date("2026-12-01");
    let plan = Plan { usual: Some(daily(20, 5, 10, &[(540, 660)])), ..Plan::default() };
    let starts: Vec<_> = plan.grid(KOLKATA, day).iter().map(|slot| slot.start).collect();
    let minutes = |minutes: i64| utc("2026-12-01T03:30:00Z") + TimeDelta::minutes(minutes);
    assert_eq!(starts, [minutes(0), minutes(35), minutes(70)]);
    let taken = Span { start: minutes(40), end: minutes(60) };
    let busy = [Busy { span: taken, held: taken.widened(5, 10), appointment: Some(7) }];
    let states: Vec<_> = plan.day(KOLKATA, day, &busy, minutes(-60)).into_iter().map(|(_, state)| state).collect();
    assert_eq!(states, [State::Free, State::Booked(7), State::Blocked]);
}

#[test]
fn the_running_slot_is_the_one_that_the_clock_is_in() {
    let plan = Plan { usual: Some(daily(25, 0, 5, &[(540, 620)])), ..Plan::default() };
    let at = |minute: i64| utc("2026-12-01T03:30:00Z") + TimeDelta::minutes(minute);
    let running = |minute: i64| plan.running(KOLKATA, at(minute)).map(|slot| (slot.start, slot.end));
    assert_eq!(running(-1), None);
    assert_eq!(running(0), Some((at(0), at(25))));
    assert_eq!(running(27), Some((at(25), at(30))));
    assert_eq!(running(60), Some((at(55), at(80))));
    assert_eq!(running(80), None);
    let away = Plan { away: vec![Span { start: at(0), end: at(90) }], ..plan.clone() };
    assert_eq!(away.running(KOLKATA, at(10)), None);
}

#[test]
fn a_week_of_a_second_zone_keeps_its_wall_clock_over_daylight_saving() {
    // New York puts its clocks back on 1 November 2026: nine o'clock is 13:00 UTC before, 14:00 UTC from then on.
    let zone = America::New_York;
    let plan = nine_to_five();
    for (day, first) in [("2026-10-31", "2026-10-31T13:00:00Z"), ("2026-11-01", "2026-11-01T14:00:00Z")] {
        let slots = plan.grid(zone, date(day));
        assert_eq!((slots.len(), slots[0].start), (16, utc(first)));
        assert!(slots.iter().all(|slot| slot.start.with_timezone(&zone).hour() >= 9));
    }
    let from = utc("2026-10-31T20:00:00Z");
    let search = Search { minutes: None, held: &[], others: &[], from, days: 3, count: 40 };
    let free = plan.free(zone, &search);
    assert_eq!(free.len(), 2 + 16 + 16);
    assert!(free.windows(2).all(|pair| pair[0].end <= pair[1].start));
}

#[test]
fn leap_days_and_year_ends_have_their_slots() {
    let plan = nine_to_five();
    for day in ["2026-12-31", "2027-01-01", "2028-02-29", "2028-03-01", "2027-02-28"] {
        let on = date(day);
        assert_eq!(plan.grid(KOLKATA, on).len(), 16, "{day}");
        let shown = plan.day(KOLKATA, on, &[], utc("2020-01-01T00:00:00Z"));
        assert!(
            shown.iter().all(|(span, state)| {
                *state == State::Free && span.start.with_timezone(&KOLKATA).date_naive() == on
            })
        );
    }
    // An evening clinic: 18:30 UTC is the hospital's midnight, and no slot crosses it.
    let late = Plan { usual: Some(daily(15, 0, 0, &[(1380, 1439)])), ..Plan::default() };
    let slots = late.grid(KOLKATA, date("2026-12-31"));
    assert_eq!(slots.len(), 3);
    assert_eq!(slots[2].end, utc("2026-12-31T18:15:00Z"));
    assert_eq!(date("2026-12-31").weekday().num_days_from_monday(), 3);
}

#[test]
fn an_appointment_outside_the_hours_is_still_shown() {
    let taken = span("2026-11-23T14:00:00Z", "2026-11-23T14:30:00Z");
    let busy = [Busy { span: taken, held: taken, appointment: Some(7) }];
    let shown = Plan::default().day(KOLKATA, date("2026-11-23"), &busy, utc("2026-11-23T00:00:00Z"));
    assert_eq!(shown, [(taken, State::Booked(7))]);
}

#[test]
fn two_that_lie_over_each_other_are_both_there() {
    let taken = span("2026-11-23T04:30:00Z", "2026-11-23T05:00:00Z");
    let over = span("2026-11-23T04:40:00Z", "2026-11-23T05:10:00Z");
    let busy = [
        Busy { span: taken, held: taken, appointment: Some(1) },
        Busy { span: over, held: over, appointment: Some(2) },
    ];
    let shown = nine_to_five().day(KOLKATA, date("2026-11-23"), &busy, utc("2026-11-23T00:00:00Z"));
    let booked: Vec<_> =
        shown.iter().filter(|(_, state)| !matches!(state, State::Free)).map(|(_, state)| *state).collect();
    assert_eq!(booked, [State::Booked(1), State::Booked(2)]);
}

#[test]
fn one_that_is_overbooked_into_the_same_slot_is_there_too() {
    let slot = span("2026-11-23T04:30:00Z", "2026-11-23T05:00:00Z");
    let busy = [1, 2].map(|id| Busy { span: slot, held: slot, appointment: Some(id) });
    let shown = nine_to_five().day(KOLKATA, date("2026-11-23"), &busy, utc("2026-11-23T00:00:00Z"));
    let booked: Vec<_> = shown.iter().filter(|(_, state)| !matches!(state, State::Free)).copied().collect();
    assert_eq!(booked, [(slot, State::Booked(1)), (slot, State::Booked(2))]);
}

#[test]
fn what_is_kept_free_reaches_over_midnight() {
    let night = Plan { usual: Some(daily(30, 0, 60, &[(0, 120), (1380, 1439)])), ..Plan::default() };
    let late = span("2026-11-23T17:30:00Z", "2026-11-23T18:00:00Z"); // 23:00 to 23:30 in Kolkata
    let busy = [Busy { span: late, held: late.widened(0, 60), appointment: Some(1) }];
    let next = night.day(KOLKATA, date("2026-11-24"), &busy, utc("2026-11-23T00:00:00Z"));
    assert_eq!(next.first().map(|(_, state)| *state), Some(State::Blocked), "{next:?}");
    assert!(!next.iter().any(|(_, state)| matches!(state, State::Booked(_))), "it is the day before's");
}
