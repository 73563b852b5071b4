//! iCalendar (RFC 5545), written: events with their time zone. Pure.
//!
//! An event says when and with whom, and nothing of why: whoever sees somebody's calendar learns no more.

use std::fmt::Write;

use chrono::{DateTime, Days, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use crate::slots::Span;

/// Octets of a line at most, without its end (3.1).
const LINE: usize = 75;
/// Days around the events in which the zone's changes are told.
const AROUND: u64 = 400;

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Never changes.
    pub uid: String,
    /// Grows with every change.
    pub sequence: i64,
    /// When.
    pub span: Span,
    /// What stands in the calendar.
    pub summary: String,
    /// Where, if that is known.
    pub location: Option<String>,
    /// `TENTATIVE`, `CONFIRMED` or `CANCELLED`.
    pub status: &'static str,
    /// When it was last changed.
    pub changed_at: DateTime<Utc>,
}

/// A calendar of events on the wall clock of a zone.
pub fn calendar(zone: Tz, name: &str, events: &[Event]) -> String {
    let mut lines = Lines::default();
    lines.add("BEGIN", "VCALENDAR");
    lines.add("VERSION", "2.0");
    lines.add("PRODID", "-//EHS//appointments//EN");
    lines.add("CALSCALE", "GREGORIAN");
    lines.add("METHOD", "PUBLISH");
    lines.add("X-WR-CALNAME", &text(name));
    lines.add("X-WR-TIMEZONE", zone.name());
    time_zone(&mut lines, zone, events);
    for event in events {
        event.write(&mut lines, zone);
    }
    lines.add("END", "VCALENDAR");
    lines.0
}

impl Event {
    fn write(&self, lines: &mut Lines, zone: Tz) {
        let local = |instant: DateTime<Utc>| stamp(instant.with_timezone(&zone).naive_local());
        lines.add("BEGIN", "VEVENT");
        lines.add("UID", &self.uid);
        lines.add("SEQUENCE", &self.sequence.to_string());
        lines.add("DTSTAMP", &format!("{}Z", stamp(self.changed_at.naive_utc())));
        lines.add("LAST-MODIFIED", &format!("{}Z", stamp(self.changed_at.naive_utc())));
        lines.add(&format!("DTSTART;TZID={}", zone.name()), &local(self.span.start));
        lines.add(&format!("DTEND;TZID={}", zone.name()), &local(self.span.end));
        lines.add("SUMMARY", &text(&self.summary));
        if let Some(location) = &self.location {
            lines.add("LOCATION", &text(location));
        }
        lines.add("STATUS", self.status);
        lines.add("TRANSP", if self.status == "CANCELLED" { "TRANSPARENT" } else { "OPAQUE" });
        lines.add("END", "VEVENT");
    }
}

/// The zone as it is around the events: its offset at first, then each change.
fn time_zone(lines: &mut Lines, zone: Tz, events: &[Event]) {
    let first = events.iter().map(|event| event.span.start).min().unwrap_or(DateTime::UNIX_EPOCH);
    let last = events.iter().map(|event| event.span.end).max().unwrap_or(first);
    let from = first.checked_sub_days(Days::new(AROUND)).unwrap_or(first);
    let until = last.checked_add_days(Days::new(AROUND)).unwrap_or(last);
    lines.add("BEGIN", "VTIMEZONE");
    lines.add("TZID", zone.name());
    let mut offset = seconds(zone, from);
    let begin = DateTime::UNIX_EPOCH.naive_utc();
    observance(lines, "STANDARD", begin, offset, offset);
    for change in changes(zone, from, until) {
        let next = seconds(zone, change);
        let local = change.naive_utc() + TimeDelta::seconds(offset);
        observance(lines, if next > offset { "DAYLIGHT" } else { "STANDARD" }, local, offset, next);
        offset = next;
    }
    lines.add("END", "VTIMEZONE");
}

fn observance(lines: &mut Lines, kind: &str, begin: NaiveDateTime, from: i64, to: i64) {
    lines.add("BEGIN", kind);
    lines.add("DTSTART", &stamp(begin));
    lines.add("TZOFFSETFROM", &utc_offset(from));
    lines.add("TZOFFSETTO", &utc_offset(to));
    lines.add("END", kind);
}

/// The first instant of each new offset.
fn changes(zone: Tz, from: DateTime<Utc>, until: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    let mut changes = Vec::new();
    let mut day = from;
    while day < until {
        let next = day + TimeDelta::days(1);
        if seconds(zone, day) != seconds(zone, next) {
            let (mut before, mut after) = (day, next);
            while after - before > TimeDelta::seconds(1) {
                let middle = before + (after - before) / 2;
                if seconds(zone, middle) == seconds(zone, day) { before = middle } else { after = middle }
            }
            // Zones change on whole minutes; halving may end a fraction of a second late.
            changes.push(DateTime::from_timestamp(after.timestamp(), 0).unwrap_or(after));
        }
        day = next;
    }
    changes
}

/// Seconds east of Greenwich.
fn seconds(zone: Tz, instant: DateTime<Utc>) -> i64 {
    i64::from(zone.offset_from_utc_datetime(&instant.naive_utc()).fix().local_minus_utc())
}

fn utc_offset(seconds: i64) -> String {
    let (sign, minutes) = if seconds < 0 { ('-', -seconds / 60) } else { ('+', seconds / 60) };
    format!("{sign}{:02}{:02}", minutes / 60, minutes % 60)
}

fn stamp(time: NaiveDateTime) -> String {
    time.format("%Y%m%dT%H%M%S").to_string()
}

/// A TEXT value (3.3.11).
fn text(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '\\' | ';' | ',' => escaped.extend(['\\', c]),
            '\n' => escaped.push_str("\\n"),
            c if c.is_control() => {}
            c => escaped.push(c),
        }
    }
    escaped
}

/// Content lines, folded, each with CRLF.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn add(&mut self, name: &str, value: &str) {
        let mut room = LINE;
        for c in name.chars().chain([':']).chain(value.chars()) {
            if c.len_utf8() > room {
                self.0.push_str("\r\n ");
                room = LINE - 1;
            }
            room -= c.len_utf8();
            // A String takes every character.
            let _ = self.0.write_char(c);
        }
        self.0.push_str("\r\n");
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use chrono_tz::{America, Asia};

    use super::*;

    fn event(start: &str) -> Event {
        let start: DateTime<Utc> = start.parse().unwrap();
        Event {
            uid: "appointment-7@ehs".to_owned(),
            sequence: 2,
            span: Span { start, end: start + TimeDelta::minutes(30) },
            summary: "Appointment with Dr. Rao; OPD, block A\\B".to_owned(),
            location: Some("OPD-3".to_owned()),
            status: "CONFIRMED",
            changed_at: "2026-11-20T10:00:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn an_event_stands_on_the_hospitals_clock() {
        let written = calendar(Asia::Kolkata, "Dr. Rao", &[event("2026-12-31T18:30:00Z")]);
        for line in [
            "UID:appointment-7@ehs",
            "SEQUENCE:2",
            "DTSTAMP:20261120T100000Z",
            "DTSTART;TZID=Asia/Kolkata:20270101T000000",
            "DTEND;TZID=Asia/Kolkata:20270101T003000",
            "SUMMARY:Appointment with Dr. Rao\\; OPD\\, block A\\\\B",
            "STATUS:CONFIRMED",
            "TZOFFSETFROM:+0530",
            "TZOFFSETTO:+0530",
        ] {
            assert!(written.split("\r\n").any(|written| written == line), "{line} is not in\n{written}");
        }
        assert_eq!(written.matches("BEGIN:STANDARD").count(), 1);
        assert!(!written.contains("BEGIN:DAYLIGHT"));
    }

    #[test]
    fn a_zone_with_daylight_saving_tells_its_changes() {
        let written = calendar(America::New_York, "x", &[event("2026-07-01T13:00:00Z")]);
        // 2:00 on 8 March becomes 3:00, 2:00 on 1 November becomes 1:00.
        let spring =
            "BEGIN:DAYLIGHT\r\nDTSTART:20260308T020000\r\nTZOFFSETFROM:-0500\r\nTZOFFSETTO:-0400\r\nEND:DAYLIGHT";
        let autumn =
            "BEGIN:STANDARD\r\nDTSTART:20261101T020000\r\nTZOFFSETFROM:-0400\r\nTZOFFSETTO:-0500\r\nEND:STANDARD";
        assert!(written.contains(spring) && written.contains(autumn), "{written}");
    }

    #[test]
    fn lines_are_folded_between_characters_and_end_in_crlf() {
        let mut long = event("2026-12-01T04:30:00Z");
        long.summary = "डॉक्टर के साथ मुलाक़ात ".repeat(12);
        let written = calendar(Asia::Kolkata, "x", &[long.clone()]);
        assert!(written.ends_with("END:VCALENDAR\r\n"));
        let lines: Vec<&str> = written.split("\r\n").collect();
        assert!(lines.iter().all(|line| line.len() <= LINE && !line.contains(['\r', '\n'])));
        let unfolded = written.replace("\r\n ", "");
        assert!(unfolded.contains(&format!("SUMMARY:{}", long.summary)));
    }

    #[test]
    fn nothing_that_a_name_holds_makes_a_line_of_its_own() {
        let mut sly = event("2026-12-01T04:30:00Z");
        sly.summary = "x\r\nATTENDEE:mailto:a@b".to_owned();
        let written = calendar(Asia::Kolkata, "x", &[sly]);
        assert!(written.contains("SUMMARY:x\\nATTENDEE:mailto:a@b\r\n"));
    }

    #[test]
    fn an_empty_calendar_is_one() {
        let written = calendar(Asia::Kolkata, "x", &[]);
        assert!(written.contains("BEGIN:VTIMEZONE") && !written.contains("VEVENT"));
    }
}
