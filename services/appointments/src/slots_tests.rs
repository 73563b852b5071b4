//! Slot arithmetic against a slow, obvious model, around everything that makes calendars hard.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::as_conversions)]

use chrono_tz::{Africa, America, Asia, Australia, Europe, Tz};
use proptest::prelude::*;

use super::*;

const ZONES: [Tz; 6] =
    [Asia::Kolkata, America::New_York, Europe::London, Australia::Lord_Howe, Africa::Cairo, America::Havana];

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn time(text: &str) -> NaiveTime {
    text.parse().unwrap()
}

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn hours(slot_minutes: i64, openings: &[(i16, &str, &str)]) -> Hours {
    let openings =
        openings.iter().map(|(weekday, start, end)| Opening { weekday: *weekday, start: time(start), end: time(end) });
    Hours { slot_minutes, before: 0, after: 0, openings: openings.collect() }
}

/// Every instant of the day in whole minutes, with what the wall clock shows then. Reads the clock; computes nothing.
fn minutes_of(zone: Tz, day: NaiveDate) -> Vec<(DateTime<Utc>, NaiveTime)> {
    let from = day.and_time(NaiveTime::MIN).and_utc() - TimeDelta::hours(16);
    (0..48 * 60)
        .map(|minute| from + TimeDelta::minutes(minute))
        .map(|instant| (instant, instant.with_timezone(&zone).naive_local()))
        .filter(|(_, local)| local.date() == day)
        .map(|(instant, local)| (instant, local.time()))
        .collect()
}

/// The first instant at which the wall clock shows at least `time`: where an opening begins or ends.
fn model_edge(minutes: &[(DateTime<Utc>, NaiveTime)], time: NaiveTime) -> Option<DateTime<Utc>> {
    let exact = minutes.iter().find(|(_, shown)| *shown == time);
    exact
        .or_else(|| minutes.iter().filter(|(_, shown)| *shown > time).min_by_key(|(_, shown)| *shown))
        .map(|(instant, _)| *instant)
}

/// Slot by slot, trying every minute of the day as a start.
fn model_grid(hours: &Hours, zone: Tz, day: NaiveDate) -> Vec<Span> {
    let minutes = minutes_of(zone, day);
    let weekday = i16::try_from(day.weekday().num_days_from_monday()).unwrap();
    let mut slots = Vec::new();
    for opening in hours.openings.iter().filter(|opening| opening.weekday == weekday) {
        let (Some(opens), Some(closes)) = (model_edge(&minutes, opening.start), model_edge(&minutes, opening.end))
        else {
            continue;
        };
        for (instant, shown) in &minutes {
            let end = *instant + TimeDelta::minutes(hours.slot_minutes);
            let since = (*instant - opens).num_minutes();
            let step = hours.before + hours.slot_minutes + hours.after;
            let on_grid = since >= 0 && since % step == 0 && end <= closes;
            let first_of_its_name = minutes.iter().find(|(_, other)| other == shown).unwrap().0 == *instant;
            if on_grid && first_of_its_name {
                slots.push(Span { start: *instant, end });
            }
        }
    }
    slots
}

fn any_zone() -> impl Strategy<Value = Tz> {
    prop::sample::select(ZONES.to_vec())
}

/// Any day of some years, with the days that matter more often.
fn any_day() -> impl Strategy<Value = NaiveDate> {
    let special = [
        "2026-12-31",
        "2027-01-01",
        "2028-02-28",
        "2028-02-29",
        "2028-03-01",
        "2026-02-28",
        "2026-03-08",
        "2026-11-01",
        "2026-03-29",
        "2026-10-25",
        "2026-04-05",
        "2026-10-04",
        "2026-04-24",
        "2026-10-29",
        "2027-04-30",
    ];
    let special: Vec<NaiveDate> = special.iter().map(|text| date(text)).collect();
    let any = (0_u64..2000).prop_map(|days| date("2025-01-01") + Days::new(days));
    prop_oneof![prop::sample::select(special), any]
}

fn any_hours() -> impl Strategy<Value = Hours> {
    let day = prop::collection::btree_set(0_u32..288, 0..=6).prop_map(|edges| {
        let edges: Vec<u32> = edges.into_iter().collect();
        edges.chunks_exact(2).map(|pair| (pair[0] * 5, pair[1] * 5)).collect::<Vec<_>>()
    });
    let lengths = prop::sample::select(vec![5_i64, 10, 15, 20, 30, 45, 60, 90]);
    let buffer = || prop::sample::select(vec![0_i64, 0, 0, 5, 10]);
    (prop::collection::vec(day, 7), lengths, buffer(), buffer()).prop_map(|(week, slot_minutes, before, after)| {
        let clock = |minute: u32| NaiveTime::from_hms_opt(minute / 60, minute % 60, 0).unwrap();
        let openings = week.iter().enumerate().flat_map(|(weekday, day)| {
            day.iter().map(move |(start, end)| Opening {
                weekday: i16::try_from(weekday).unwrap(),
                start: clock(*start),
                end: clock(*end),
            })
        });
        Hours { slot_minutes, before, after, openings: openings.collect() }
    })
}

proptest! {
    #[test]
    fn the_grid_is_the_models(zone in any_zone(), day in any_day(), hours in any_hours()) {
        prop_assert_eq!(grid(&hours, zone, day), model_grid(&hours, zone, day));
    }

    #[test]
    fn every_slot_of_the_grid_can_be_named_and_booked(zone in any_zone(), day in any_day(), hours in any_hours()) {
        let open = working(&hours, zone, day);
        for slot in grid(&hours, zone, day) {
            let local = slot.start.with_timezone(&zone).naive_local();
            prop_assert_eq!(local.date(), day);
            prop_assert_eq!(place(zone, day, local.time(), hours.slot_minutes), Ok(slot));
            prop_assert!(open.iter().any(|span| span.holds(&slot)));
        }
    }

    #[test]
    fn working_time_is_in_order_and_apart(zone in any_zone(), day in any_day(), hours in any_hours()) {
        let open = working(&hours, zone, day);
        prop_assert!(open.iter().all(|span| span.start < span.end));
        prop_assert!(open.windows(2).all(|pair| pair[0].end < pair[1].start));
    }

    #[test]
    fn days_follow_each_other_without_gap_or_overlap(zone in any_zone(), day in any_day()) {
        let today = days(zone, day, day).unwrap();
        let tomorrow = days(zone, day.succ_opt().unwrap(), day.succ_opt().unwrap()).unwrap();
        prop_assert_eq!(today.end, tomorrow.start);
        let minutes = minutes_of(zone, day);
        prop_assert_eq!(today.start, minutes.first().unwrap().0);
        prop_assert_eq!(today.end, minutes.last().unwrap().0 + TimeDelta::minutes(1));
    }

    #[test]
    fn a_place_is_where_the_clock_says(zone in any_zone(), day in any_day(), minute in 0_u32..1440, length in 5_i64..=480) {
        let time = NaiveTime::from_hms_opt(minute / 60, minute % 60, 0).unwrap();
        let first = minutes_of(zone, day).iter().find(|(_, shown)| *shown == time).map(|(instant, _)| *instant);
        let same_day = |start: DateTime<Utc>| (start + TimeDelta::minutes(length)).with_timezone(&zone).date_naive() == day;
        let expected = match first {
            None => Err(Misplaced::NoSuchTime),
            Some(start) if same_day(start) => Ok(Span { start, end: start + TimeDelta::minutes(length) }),
            Some(_) => Err(Misplaced::AcrossMidnight),
        };
        prop_assert_eq!(place(zone, day, time, length), expected);
    }
}

#[test]
fn half_past_six_in_the_evening_utc_is_midnight_in_india() {
    let day = days(Asia::Kolkata, date("2026-12-31"), date("2026-12-31")).unwrap();
    assert_eq!(day, Span { start: utc("2026-12-30T18:30:00Z"), end: utc("2026-12-31T18:30:00Z") });
}

#[test]
fn an_appointment_ends_on_its_day() {
    let day = date("2026-12-31");
    assert_eq!(place(Asia::Kolkata, day, time("23:45:00"), 15), Err(Misplaced::AcrossMidnight));
    assert_eq!(place(Asia::Kolkata, day, time("23:45:00"), 30), Err(Misplaced::AcrossMidnight));
    assert_eq!(place(Asia::Kolkata, day, time("23:45:00"), 14).unwrap().minutes(), 14);
}

#[test]
fn a_leap_day_is_a_day() {
    let tuesday = hours(30, &[(1, "09:00:00", "10:00:00")]);
    assert_eq!(grid(&tuesday, Asia::Kolkata, date("2028-02-29")).len(), 2);
    assert!(grid(&tuesday, Asia::Kolkata, date("2028-03-01")).is_empty());
}

#[test]
fn a_time_that_the_clock_jumps_over_cannot_be_booked() {
    let day = date("2026-03-08"); // New York: 02:00 becomes 03:00
    assert_eq!(place(America::New_York, day, time("02:30:00"), 15), Err(Misplaced::NoSuchTime));
    let sunday = hours(30, &[(6, "01:00:00", "04:00:00")]);
    assert_eq!(grid(&sunday, America::New_York, day).len(), 4);
}

#[test]
fn an_hour_that_comes_twice_is_offered_once() {
    let day = date("2026-11-01"); // New York: 02:00 becomes 01:00 again
    let sunday = hours(30, &[(6, "00:00:00", "03:00:00")]);
    let starts: Vec<_> = grid(&sunday, America::New_York, day).iter().map(|slot| slot.start).collect();
    assert_eq!(starts.len(), 6);
    assert_eq!(place(America::New_York, day, time("01:30:00"), 30).unwrap().start, utc("2026-11-01T05:30:00Z"));
}

#[test]
fn slots_touch_and_do_not_overlap() {
    let morning = hours(20, &[(0, "09:00:00", "10:00:00"), (0, "10:00:00", "11:00:00")]);
    let slots = grid(&morning, Asia::Kolkata, date("2026-11-23"));
    assert_eq!(slots.len(), 6);
    assert!(slots.windows(2).all(|pair| pair[0].end == pair[1].start && !pair[0].overlaps(&pair[1])));
    assert_eq!(working(&morning, Asia::Kolkata, date("2026-11-23")).len(), 1);
}

#[test]
fn the_first_and_the_last_day_that_can_be_written_are_days() {
    for day in [date("0001-01-01"), date("9999-12-31")] {
        for zone in ZONES {
            let all_day: Vec<_> = (0..7).map(|weekday| (weekday, "00:00:00", "23:59:00")).collect();
            assert!(!grid(&hours(30, &all_day), zone, day).is_empty());
            assert!(days(zone, day, day).is_some());
            assert!(place(zone, day, time("12:00:00"), 480).is_ok());
            assert_eq!(place(zone, day, time("23:59:00"), 480), Err(Misplaced::AcrossMidnight));
        }
    }
}

#[test]
fn who_walks_in_has_the_rest_of_the_slot_and_five_minutes_at_least() {
    let at = |text: &str| -> DateTime<Utc> { text.parse().unwrap() };
    let slot = Span { start: at("2026-11-27T06:00:00Z"), end: at("2026-11-27T06:30:00Z") };
    for (minute, end) in [("06:10", "06:30"), ("06:25", "06:30"), ("06:26", "06:31"), ("06:29", "06:34")] {
        let minute = at(&format!("2026-11-27T{minute}:00Z"));
        let rest = Span { start: minute, end: at(&format!("2026-11-27T{end}:00Z")) };
        assert_eq!(rest_of(Asia::Kolkata, slot, minute), Ok(rest));
    }
    assert_eq!(rest_of(Asia::Kolkata, slot, at("2026-11-27T05:59:00Z")), Ok(slot));
}

#[test]
fn nobody_walks_in_over_midnight() {
    // 18:30 UTC is midnight in Kolkata; what ends then, ends on the next day.
    let last = Span { start: utc("2026-12-31T18:00:00Z"), end: utc("2026-12-31T18:29:59Z") };
    for (minute, end) in [("18:20", Some("18:29:59")), ("18:24", Some("18:29:59")), ("18:25", None), ("18:29", None)] {
        let start = utc(&format!("2026-12-31T{minute}:00Z"));
        let expected = end.map(|end| Span { start, end: utc(&format!("2026-12-31T{end}Z")) });
        assert_eq!(rest_of(Asia::Kolkata, last, start), expected.ok_or(Misplaced::AcrossMidnight), "{minute}");
    }
    // The same instants are no midnight elsewhere.
    let late = utc("2026-12-31T18:29:00Z");
    assert_eq!(rest_of(Europe::London, last, late).unwrap().minutes(), 5);
}
