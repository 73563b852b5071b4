#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use chrono_tz::Asia::Kolkata;
use proptest::prelude::*;

use super::*;

fn clock() -> Clock {
    Clock { zone: Kolkata, now: "2026-12-01T00:00:00Z".parse().unwrap() }
}

fn file(events: &str) -> String {
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{}\r\nEND:VCALENDAR\r\n", events.trim().replace('\n', "\r\n"))
}

fn event(uid: &str, lines: &str) -> String {
    format!("BEGIN:VEVENT\nUID:{uid}\nDTSTAMP:20261101T000000Z\n{lines}\nEND:VEVENT\n")
}

fn reading(events: &str) -> Reading {
    read(&file(events), clock()).unwrap()
}

/// Begin and length in minutes of what was read, in order.
fn times(reading: &Reading) -> Vec<(String, i64)> {
    let mut spans: Vec<Span> = reading.busy.values().map(|busy| busy.span).collect();
    spans.sort();
    let text = |span: &Span| span.start.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    spans.iter().map(|span| (text(span), span.minutes())).collect()
}

fn starts(reading: &Reading) -> Vec<String> {
    times(reading).into_iter().map(|(start, _)| start).collect()
}

#[test]
fn zones_days_and_lengths_mean_what_they_say() {
    let all = [
        event("utc", "DTSTART:20261202T040000Z\nDTEND:20261202T050000Z"),
        event("floating", "DTSTART:20261203T093000\nDURATION:PT45M"),
        event("far", "DTSTART;TZID=America/New_York:20261204T200000\nDTEND;TZID=America/New_York:20261204T210000"),
        event("day", "DTSTART;VALUE=DATE:20261206"),
        event("days", "DTSTART;VALUE=DATE:20261208\nDTEND;VALUE=DATE:20261210"),
    ];
    let read = reading(&all.concat());
    let expected = [
        ("2026-12-02T04:00:00Z", 60),
        ("2026-12-03T04:00:00Z", 45),
        ("2026-12-05T01:00:00Z", 60),
        ("2026-12-05T18:30:00Z", 24 * 60),
        ("2026-12-07T18:30:00Z", 48 * 60),
    ];
    assert_eq!(times(&read), expected.map(|(start, minutes)| (start.to_owned(), minutes)));
    assert_eq!((read.events, read.not_taken.len(), read.passed_by), (5, 0, PassedBy::default()));
}

#[test]
fn what_takes_no_time_that_can_be_booked_is_passed_by() {
    let at = "DTSTART:20261202T040000Z\nDTEND:20261202T050000Z";
    let all = [
        event("free", &format!("{at}\nTRANSP:TRANSPARENT")),
        event("free too", &format!("{at}\nX-MICROSOFT-CDO-BUSYSTATUS:FREE")),
        event("off", &format!("{at}\nSTATUS:CANCELLED")),
        event("over", "DTSTART:20261130T040000Z\nDTEND:20261130T050000Z"),
        event("long over", "DTSTART:20200101T040000Z\nDTEND:20200101T050000Z\nRRULE:FREQ=DAILY;COUNT=5"),
        event("some day", "DTSTART:20291202T040000Z\nDTEND:20291202T050000Z"),
        event("moment", "DTSTART:20261202T040000Z"),
        event("busy", &format!("{at}\nTRANSP:OPAQUE\nSTATUS:TENTATIVE\nSUMMARY:nobody's business")),
    ];
    let read = reading(&all.concat());
    assert_eq!(read.passed_by, PassedBy { transparent: 2, cancelled: 1, past: 2, far_ahead: 1, momentary: 1 });
    assert_eq!((read.events, read.busy.len()), (8, 1));
    assert!(read.busy.contains_key(&(uid("busy"), None)));
}

#[test]
fn a_recurring_event_is_there_each_time_but_for_its_exceptions() {
    let weekly = event(
        "rounds",
        "DTSTART;TZID=Asia/Kolkata:20261123T090000\nDTEND;TZID=Asia/Kolkata:20261123T100000\n\
         RRULE:FREQ=WEEKLY;BYDAY=MO,TH;UNTIL=20261231T183000Z\nEXDATE;TZID=Asia/Kolkata:20261207T090000\n\
         EXDATE;VALUE=DATE:20261210\nRDATE;TZID=Asia/Kolkata:20261212T150000",
    );
    let moved = event("rounds", "RECURRENCE-ID:20261214T033000Z\nDTSTART:20261215T033000Z\nDTEND:20261215T050000Z");
    let off = event(
        "rounds",
        "RECURRENCE-ID;TZID=Asia/Kolkata:20261217T090000\nDTSTART:20261217T033000Z\nDTEND:20261217T043000Z\nSTATUS:CANCELLED",
    );
    let read = reading(&[weekly, moved, off].concat());
    assert_eq!(
        starts(&read),
        [
            "2026-12-03T03:30:00Z",
            "2026-12-12T09:30:00Z",
            "2026-12-15T03:30:00Z",
            "2026-12-21T03:30:00Z",
            "2026-12-24T03:30:00Z",
            "2026-12-28T03:30:00Z",
            "2026-12-31T03:30:00Z",
        ]
    );
    let original: DateTime<Utc> = "2026-12-14T03:30:00Z".parse().unwrap();
    assert_eq!(read.busy[&(uid("rounds"), Some(original))].span.minutes(), 90);
}

#[test]
fn a_rule_without_end_ends_at_the_horizon_and_keeps_its_clock_over_daylight_saving() {
    let daily = event("daily", "DTSTART;TZID=America/New_York:20200101T080000\nDURATION:PT30M\nRRULE:FREQ=DAILY");
    let read = reading(&daily);
    assert_eq!(read.busy.len(), 366);
    let starts = starts(&read);
    assert_eq!(starts.first().map(String::as_str), Some("2026-12-01T13:00:00Z"));
    assert!(starts.contains(&"2027-07-01T12:00:00Z".to_owned()));
}

#[test]
fn what_began_before_now_and_goes_on_is_a_block() {
    let read =
        reading(&event("leave", "DTSTART;VALUE=DATE:20261120\nDTEND;VALUE=DATE:20261220\nRRULE:FREQ=YEARLY;COUNT=1"));
    assert_eq!(read.busy.len(), 1);
}

#[test]
fn of_two_versions_the_later_one_counts() {
    let at = |hour: u32, sequence: u32| {
        event("x", &format!("DTSTART:20261202T{hour:02}0000Z\nDURATION:PT1H\nSEQUENCE:{sequence}"))
    };
    for all in [[at(9, 3), at(4, 2)], [at(4, 2), at(9, 3)]] {
        assert_eq!(starts(&reading(&all.concat())), ["2026-12-02T09:00:00Z"]);
    }
}

#[test]
fn an_event_that_cannot_be_taken_is_named_by_its_line_and_stops_no_other() {
    let good = "DTSTART:20261202T040000Z\nDTEND:20261202T050000Z";
    let all = [
        ("DTEND:20261202T050000Z", "no_start"),
        ("DTSTART:20261302T040000Z\nDURATION:PT1H", "invalid_time"),
        ("DTSTART;TZID=Mars/Olympus:20261202T040000\nDURATION:PT1H", "unknown_time_zone"),
        ("DTSTART:20261202T040000Z\nDTEND:20261202T030000Z", "ends_before_it_begins"),
        ("DTSTART:20261202T040000Z\nDTEND;VALUE=DATE:20261203", "invalid_time"),
        ("DTSTART:20261202T040000Z\nDURATION:P2000D", "too_long"),
        ("DTSTART:20261202T040000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;BYHOUR=1,2", "unsupported_rrule"),
        ("DTSTART:20261202T040000Z\nDURATION:PT1H\nRRULE:nonsense", "invalid_rrule"),
        ("DTSTART:20261202T040000Z\nDTSTART:20261202T050000Z\nDURATION:PT1H", "repeated_property"),
        (
            "DTSTART:20261202T040000Z\nDURATION:PT1H\nRECURRENCE-ID;RANGE=THISANDFUTURE:20261202T040000Z",
            "this_and_future",
        ),
        ("DTSTART;X:20261202T040000Z\nDURATION:PT1H", "broken_line"),
    ];
    let events: String = all.iter().map(|(lines, _)| event("same", lines)).chain([event("good", good)]).collect();
    let read = reading(&events);
    let codes: Vec<&str> = read.not_taken.iter().map(|(_, fault)| fault.code()).collect();
    assert_eq!(codes, all.map(|(_, code)| code));
    assert_eq!((read.not_taken[0].0, read.busy.len()), (3, 1));
    assert!(read.unread.contains(&uid("same")) && !read.unread.contains(&uid("good")));
    let nameless = reading("BEGIN:VEVENT\nDTSTART:20261202T040000Z\nDURATION:PT1H\nEND:VEVENT\n");
    assert_eq!(nameless.not_taken[0].1, Fault::NoUid);
}

#[test]
fn what_recurs_without_measure_is_refused_as_a_whole() {
    let refusal = |events: &str| read(&file(events), clock()).unwrap_err().code;
    let at = "DTSTART:20261202T040000Z\nDURATION:PT1S";
    for freq in ["SECONDLY", "MINUTELY", "HOURLY"] {
        assert_eq!(refusal(&event("x", &format!("{at}\nRRULE:FREQ={freq}"))), "recurs_too_often");
    }
    let daily: String = (0..20).map(|n| event(&format!("d{n}"), &format!("{at}\nRRULE:FREQ=DAILY"))).collect();
    assert_eq!(refusal(&daily), "too_many_occurrences");
    let dates: Vec<String> =
        (0..5500).map(|n| format!("202612{:02}T{:02}{:02}00Z", 2 + n / 1000, n % 1000 / 60, n % 60)).collect();
    let dates: String = dates.chunks(1000).map(|some| format!("RDATE:{}\n", some.join(","))).collect();
    assert_eq!(refusal(&event("dates", &format!("{at}\n{}", dates.trim()))), "too_many_occurrences");
    // Never true, and looked for again and again.
    let never: String = (0..3000)
        .map(|n| {
            let rule = "RRULE:FREQ=YEARLY;COUNT=999999;BYMONTH=2;BYMONTHDAY=30";
            event(&format!("n{n}"), &format!("DTSTART:19000101T000000Z\nDURATION:PT1H\n{rule}"))
        })
        .collect();
    assert_eq!(refusal(&never), "too_many_occurrences");
}

static PIECES: [&str; 30] = [
    "BEGIN:VCALENDAR\r\n",
    "END:VCALENDAR\r\n",
    "BEGIN:VEVENT\r\n",
    "END:VEVENT\r\n",
    "BEGIN:VTIMEZONE\r\n",
    "END:VTIMEZONE\r\n",
    "UID:a\r\n",
    "DTSTART:20261202T040000Z\r\n",
    "DTSTART;VALUE=DATE:20261202\r\n",
    "DTSTART;TZID=America/New_York:20261101T013000\r\n",
    "DTEND:20261202T050000Z\r\n",
    "DURATION:PT1H\r\n",
    "DURATION:P9999999W\r\n",
    "RRULE:FREQ=DAILY\r\n",
    "RRULE:FREQ=YEARLY;INTERVAL=10000;BYDAY=53MO,-53SU;BYSETPOS=366,-366\r\n",
    "RRULE:FREQ=MONTHLY;COUNT=999999;BYMONTHDAY=31,-31;BYMONTH=2\r\n",
    "RRULE:FREQ=WEEKLY;UNTIL=22001231T235959;WKST=SU;INTERVAL=9999\r\n",
    "RDATE;VALUE=PERIOD:20261202T040000Z/PT1H,20261203T040000Z/20261203T050000Z\r\n",
    "RDATE:22001231T235959\r\n",
    "EXDATE:20261202T040000Z,20261202\r\n",
    "RECURRENCE-ID:20261202T040000Z\r\n",
    "SEQUENCE:4294967295\r\n",
    "STATUS:CANCELLED\r\n",
    "TZID:X\r\n",
    " folded\r\n",
    ";",
    ":",
    "\"",
    "9",
    "é\u{0}",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    /// Any text at all, and any order of what calendars are made of.
    #[test]
    fn nothing_panics_and_nothing_goes_beyond_its_bounds(
        text in prop_oneof![
            "\\PC{0,200}",
            prop::collection::vec(prop::sample::select(&PIECES[..]), 0..40).prop_map(|pieces| pieces.concat()),
            prop::collection::vec(prop::sample::select(&PIECES[6..]), 0..20)
                .prop_map(|pieces| format!("{}{}UID:b\r\n{}{}{}", PIECES[0], PIECES[2], pieces.concat(), PIECES[3], PIECES[1])),
        ]
    ) {
        if let Ok(read) = read(&text, clock()) {
            prop_assert!(read.busy.len() <= MOST_BLOCKS);
            for busy in read.busy.values() {
                prop_assert!(busy.span.start < busy.span.end && busy.span.end > clock().now);
                prop_assert!(busy.span.end - busy.span.start <= LONGEST);
            }
        }
    }

    /// A prefix of a good calendar is refused or read, never worse.
    #[test]
    fn a_calendar_that_was_cut_off_is_refused(at in 0_usize..400) {
        let whole = file(&event("x", "DTSTART;TZID=Asia/Kolkata:20261202T040000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3"));
        if let Some(cut) = whole.get(..at.min(whole.len().saturating_sub(3))) {
            prop_assert!(read(cut, clock()).is_err());
        }
    }
}
