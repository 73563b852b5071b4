//! Plans on the days that make calendars hard, and one behaviour after the other.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::as_conversions)]

use chrono::{Datelike, NaiveTime, Timelike};
use chrono_tz::{America, Asia, Tz};

use super::*;
use crate::slots::Opening;

pub(super) const KOLKATA: Tz = Asia::Kolkata;

pub(super) fn date(text: &str) -> NaiveDate {
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
pub(super) fn daily(slot_minutes: i64, before: i64, after: i64, openings: &[(i64, i64)]) -> Hours {
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
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, bound: i64) -> i64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let roll = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        i64::try_from(roll).unwrap() % bound
    }

    /// Two edges of the day on a raster, in order, apart.
    pub(super) fn edges(&mut self, raster: i64) -> (i64, i64) {
        let last = 1435 / raster;
        let (a, b) = (self.below(last), self.below(last));
        (a.min(b) * raster, (a.max(b) + 1) * raster)
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
