//! Who fits where, by examples and against the words of the rule.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::as_conversions)]

use chrono::Weekday;
use chrono_tz::Asia::Kolkata;
use chrono_tz::Europe::Berlin;
use proptest::prelude::*;

use super::*;
use crate::slots::{Hours, Opening};

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn time(text: &str) -> NaiveTime {
    text.parse().unwrap()
}

/// Every day from 9 to 17, half an hour each.
fn hours(before: i64, after: i64) -> Hours {
    let opening = |weekday| Opening { weekday, start: time("09:00:00"), end: time("17:00:00") };
    Hours { slot_minutes: 30, before, after, openings: (0..7).map(opening).collect() }
}

fn plan(before: i64, after: i64) -> Plan {
    Plan { usual: Some(hours(before, after)), ..Plan::default() }
}

fn at(day: &str, start: &str, minutes: i64) -> Span {
    let start = slots::instant(Kolkata, date(day), time(start)).unwrap();
    Span { start, end: start + TimeDelta::minutes(minutes) }
}

fn long_ago() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH
}

fn wish() -> Wish {
    Wish {
        first: date("2027-03-01"),
        last: date("2027-03-31"),
        earliest: None,
        latest: None,
        weekdays: Vec::new(),
        minutes: None,
    }
}

fn first(plan: &Plan, opening: Span, held: &[Span], wish: &Wish) -> Option<Span> {
    Free::new(Kolkata, plan, opening, long_ago(), held).places(wish).next()
}

#[test]
fn what_came_free_is_offered_where_it_was() {
    let plan = plan(0, 0);
    let off_the_grid = at("2027-03-10", "10:10:00", 30);
    assert_eq!(first(&plan, off_the_grid, &[], &wish()), Some(off_the_grid));
    let held = [at("2027-03-10", "10:10:00", 30)];
    assert_eq!(first(&plan, off_the_grid, &held, &wish()), None, "none of it is left");
    // Half of it is taken again: the grid's next slot overlaps the other half.
    let held = [at("2027-03-10", "10:10:00", 20)];
    assert_eq!(first(&plan, off_the_grid, &held, &wish()), Some(at("2027-03-10", "10:30:00", 30)));
}

#[test]
fn a_longer_visit_may_begin_before_what_came_free() {
    let plan = plan(0, 0);
    let opening = at("2027-03-10", "10:00:00", 30);
    let hour = Wish { minutes: Some(60), ..wish() };
    let after = [at("2027-03-10", "10:30:00", 30)];
    assert_eq!(first(&plan, opening, &after, &hour), Some(at("2027-03-10", "09:30:00", 60)));
    let both = [at("2027-03-10", "10:30:00", 30), at("2027-03-10", "09:30:00", 30)];
    assert_eq!(first(&plan, opening, &both, &hour), None);
}

#[test]
fn days_hours_and_weekdays_are_kept_to() {
    let plan = plan(0, 0);
    let opening = at("2027-03-10", "10:00:00", 60); // a Wednesday
    for (change, fits) in [
        (Wish { first: date("2027-03-11"), ..wish() }, false),
        (Wish { last: date("2027-03-09"), ..wish() }, false),
        (Wish { first: date("2027-03-10"), last: date("2027-03-10"), ..wish() }, true),
        (Wish { weekdays: vec![2], ..wish() }, true),
        (Wish { weekdays: vec![0, 1, 3, 4, 5, 6], ..wish() }, false),
        (Wish { earliest: Some(time("10:30:00")), ..wish() }, true),
        (Wish { earliest: Some(time("11:00:00")), ..wish() }, false),
        (Wish { latest: Some(time("10:30:00")), ..wish() }, true),
        (Wish { latest: Some(time("10:29:00")), ..wish() }, false),
    ] {
        assert_eq!(first(&plan, opening, &[], &change).is_some(), fits, "{change:?}");
    }
}

#[test]
fn what_the_doctor_keeps_free_is_kept_free() {
    let plan = plan(10, 10);
    let opening = at("2027-03-10", "10:00:00", 30);
    let neighbour = at("2027-03-10", "10:50:00", 30).widened(10, 10);
    assert_eq!(first(&plan, opening, &[neighbour], &wish()), Some(opening));
    let nearer = at("2027-03-10", "10:45:00", 30).widened(10, 10);
    // The opening itself does not do; the grid's slot before it does, since it overlaps it.
    let place = first(&plan, opening, &[nearer], &wish()).unwrap();
    assert!(place.start < opening.start && place.overlaps(&opening), "{place:?}");
}

#[test]
fn nothing_is_offered_outside_hours_on_holidays_in_leave_or_too_soon() {
    let opening = at("2027-03-10", "16:30:00", 60);
    assert_eq!(
        first(&plan(0, 0), opening, &[], &Wish { minutes: Some(60), ..wish() }),
        Some(at("2027-03-10", "16:00:00", 60))
    );
    let holiday = Plan { holidays: vec![date("2027-03-10")], ..plan(0, 0) };
    assert_eq!(first(&holiday, opening, &[], &wish()), None);
    let away = Plan { away: vec![at("2027-03-10", "16:00:00", 60)], ..plan(0, 0) };
    assert_eq!(first(&away, opening, &[], &wish()), None);
    let plan = plan(0, 0);
    let free = Free::new(Kolkata, &plan, opening, opening.start + TimeDelta::minutes(1), &[]);
    assert_eq!(free.places(&wish()).next(), None);
    assert_eq!(first(&Plan::default(), opening, &[], &wish()), None, "a doctor without hours");
}

#[test]
fn it_is_used_up_when_every_minute_is_held() {
    let plan = plan(0, 0);
    let mut free = Free::new(Kolkata, &plan, at("2027-03-10", "10:00:00", 60), long_ago(), &[]);
    assert!(!free.is_used_up());
    free.take(at("2027-03-10", "10:30:00", 45));
    assert!(!free.is_used_up());
    free.take(at("2027-03-10", "09:45:00", 45));
    assert!(free.is_used_up());
}

#[test]
fn a_window_has_a_day_of_the_week_or_none() {
    let wednesday = Wish { first: date("2027-03-10"), last: date("2027-03-10"), ..wish() };
    assert!(wednesday.has_a_day());
    assert_eq!(wednesday.first.weekday(), Weekday::Wed);
    assert!(Wish { weekdays: vec![2], ..wednesday.clone() }.has_a_day());
    assert!(!Wish { weekdays: vec![3], ..wednesday }.has_a_day());
    assert!(Wish { weekdays: vec![6], ..wish() }.has_a_day());
}

/// What may stand in a case, in minutes of the days around a change of the clock.
fn spans(count: usize) -> impl Strategy<Value = Vec<(i64, i64)>> {
    prop::collection::vec((0_i64..4 * 1440, 5_i64..180), 0..count)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Against the words of the rule, one by one, in a zone whose clock changes on 2027-03-28.
    #[test]
    fn every_place_is_one_that_suits_and_the_first_free_one_is_found(
        opening in (0_i64..4 * 1440, 5_i64..3 * 1440),
        held in spans(12),
        buffers in (0_i64..20, 0_i64..20),
        minutes in prop::option::of(5_i64..120),
        clock in (prop::option::of(0_u32..24), prop::option::of(0_u32..24)),
        weekdays in prop::sample::subsequence(vec![0_i16, 1, 2, 3, 4, 5, 6], 0..=7),
        days in (0_u64..4, 0_u64..4),
        from in 0_i64..2 * 1440,
    ) {
        let begin = slots::instant(Berlin, date("2027-03-26"), time("00:00:00")).unwrap();
        let at = |(start, length): (i64, i64)| {
            let start = begin + TimeDelta::minutes(start);
            Span { start, end: start + TimeDelta::minutes(length) }
        };
        let plan = plan(buffers.0, buffers.1);
        let held: Vec<Span> = held.into_iter().map(at).collect();
        let hour = |hour: Option<u32>| hour.and_then(|hour| NaiveTime::from_hms_opt(hour, 0, 0));
        let wish = Wish {
            first: date("2027-03-26") + Days::new(days.0),
            last: date("2027-03-26") + Days::new(days.0 + days.1),
            earliest: hour(clock.0),
            latest: hour(clock.1),
            weekdays,
            minutes,
        };
        let (opening, from) = (at(opening), begin + TimeDelta::minutes(from));
        let suits = |span: &Span| {
            let (start, end) = (span.start.with_timezone(&Berlin), span.end.with_timezone(&Berlin));
            let day = i16::try_from(start.weekday().num_days_from_monday()).unwrap();
            let hold = plan.hold(start.date_naive(), *span);
            span.start >= from
                && span.overlaps(&opening)
                && start.date_naive() == end.date_naive()
                && start.date_naive() >= wish.first
                && start.date_naive() <= wish.last
                && (wish.weekdays.is_empty() || wish.weekdays.contains(&day))
                && wish.earliest.is_none_or(|earliest| start.time() >= earliest)
                && wish.latest.is_none_or(|latest| end.time() <= latest)
                && start.time() >= time("09:00:00")
                && end.time() <= time("17:00:00")
                && !held.iter().any(|held| held.start < hold.end && hold.start < held.end)
        };
        let length = TimeDelta::minutes(minutes.unwrap_or(30));
        let free = Free::new(Berlin, &plan, opening, from, &held);
        let places: Vec<Span> = free.places(&wish).collect();
        for place in &places {
            prop_assert!(suits(place), "{place:?}");
            prop_assert_eq!(place.end - place.start, length);
        }
        // Nothing on the grid is left out, nor where the opening itself begins.
        let mut starts: Vec<DateTime<Utc>> =
            (0..6).flat_map(|day| plan.grid(Berlin, date("2027-03-26") + Days::new(day))).map(|slot| slot.start).collect();
        starts.push(opening.start);
        for start in starts {
            let place = Span { start, end: start + length };
            prop_assert_eq!(suits(&place), places.contains(&place), "{:?}", place);
        }
    }
}
