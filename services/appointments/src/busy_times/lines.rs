//! The content lines of iCalendar (RFC 5545, 3.1) and the components that they make up. Pure, and bounded in everything: what
//! comes here was written by anybody.

use std::borrow::Cow;

/// Octets of a line at most, unfolded: pictures and pages within events do not concern us, and still have to end.
pub const LONGEST_LINE: usize = 128 * 1024;
/// Components within one another at most; a calendar's event has alarms, and that is all.
pub const DEEPEST: usize = 4;
/// Events of a file at most.
pub const MOST_EVENTS: usize = 5000;
/// Properties of one event that say when it is, at most: exceptions and extra dates come as a line each.
const MOST_PROPERTIES: usize = 5000;
/// Zones of a file at most.
const MOST_ZONES: usize = 500;

/// Why a file is refused as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Where, from 1 on.
    pub line: usize,
    /// What, for programs.
    pub code: &'static str,
    /// What, for people; never repeats the file.
    pub message: String,
}

/// One line: `NAME;PARAMETER=value:VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    /// In capitals.
    pub name: String,
    /// Names in capitals.
    pub parameters: Vec<(String, String)>,
    /// As it stands.
    pub value: String,
}

/// A `VEVENT`, as far as it says when somebody is busy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawEvent {
    /// Where it begins.
    pub line: usize,
    /// What was wanted of it, in the file's order.
    pub properties: Vec<Property>,
    /// Whether a line that was wanted of it cannot be read.
    pub is_broken: bool,
}

/// A `VTIMEZONE`, by its name in the file and the name that it has elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawZone {
    /// `TZID`.
    pub id: String,
    /// `X-LIC-LOCATION`, where it is given.
    pub location: Option<String>,
}

/// A file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawCalendar {
    /// Its events.
    pub events: Vec<RawEvent>,
    /// Its zones.
    pub zones: Vec<RawZone>,
}

/// What is wanted of an event; nothing else is looked at, and nothing of what it is about.
const WANTED: [&str; 14] = [
    "UID",
    "DTSTART",
    "DTEND",
    "DURATION",
    "RRULE",
    "EXRULE",
    "RDATE",
    "EXDATE",
    "RECURRENCE-ID",
    "SEQUENCE",
    "DTSTAMP",
    "STATUS",
    "TRANSP",
    "X-MICROSOFT-CDO-BUSYSTATUS",
];

impl Property {
    /// A parameter's value.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(named, _)| named == name).map(|(_, value)| value.as_str())
    }
}

fn refused<T>(line: usize, code: &'static str, message: impl Into<String>) -> Result<T, Refused> {
    Err(Refused { line, code, message: message.into() })
}

/// Reads a file's components.
///
/// # Errors
/// When it is no calendar, or goes beyond a bound.
pub fn read(text: &str) -> Result<RawCalendar, Refused> {
    let mut reader = Reader::default();
    let mut lines = Unfolded::new(text.strip_prefix('\u{feff}').unwrap_or(text));
    while let Some((at, line)) = lines.next()? {
        if !line.is_empty() {
            reader.take(at, &line)?;
        }
    }
    reader.finish(lines.at)
}

#[derive(Default)]
struct Reader {
    open: Vec<String>,
    calendars: usize,
    found: RawCalendar,
    event: Option<RawEvent>,
    zone: Option<RawZone>,
}

impl Reader {
    fn take(&mut self, at: usize, line: &str) -> Result<(), Refused> {
        let name_end = line.find([':', ';']).filter(|end| *end > 0);
        let Some((name, rest)) = name_end.and_then(|end| line.split_at_checked(end)) else {
            return refused(at, "not_a_content_line", "it is no NAME:VALUE line");
        };
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')) {
            return refused(at, "not_a_content_line", "it has no name of letters, digits and hyphens");
        }
        // A group before a dot is vCard's; some programs write it here too.
        let name = name.rsplit('.').next().unwrap_or(name).to_ascii_uppercase();
        match (name.as_str(), rest.strip_prefix(':')) {
            ("BEGIN", Some(component)) => self.begin(at, &component.trim().to_ascii_uppercase()),
            ("END", Some(component)) => self.end(at, &component.trim().to_ascii_uppercase()),
            _ if self.open.is_empty() => refused(at, "not_a_calendar", "a calendar begins with BEGIN:VCALENDAR"),
            _ => self.property(at, name, rest),
        }
    }

    fn begin(&mut self, at: usize, component: &str) -> Result<(), Refused> {
        if self.open.is_empty() && component != "VCALENDAR" {
            return refused(at, "not_a_calendar", "a calendar begins with BEGIN:VCALENDAR");
        }
        if self.open.len() >= DEEPEST {
            return refused(
                at,
                "nested_too_deep",
                format!("the file has more than {DEEPEST} components within one another"),
            );
        }
        if self.open.iter().any(|open| open == component) {
            return refused(at, "nested_in_itself", "there is a component within one of its own kind");
        }
        match (self.open.len(), component) {
            (0, _) => self.calendars += 1,
            (1, "VEVENT") => {
                if self.found.events.len() >= MOST_EVENTS {
                    return refused(at, "too_many_events", format!("the file has more than {MOST_EVENTS} events"));
                }
                self.event = Some(RawEvent { line: at, ..RawEvent::default() });
            }
            (1, "VTIMEZONE") => self.zone = Some(RawZone::default()),
            _ => {}
        }
        self.open.push(component.to_owned());
        Ok(())
    }

    fn end(&mut self, at: usize, component: &str) -> Result<(), Refused> {
        if self.open.pop().as_deref() != Some(component) {
            return refused(at, "unbalanced", "it ends a component that is not the innermost one");
        }
        if self.open.len() == 1 {
            self.found.events.extend(self.event.take());
            self.found.zones.extend(self.zone.take());
            if self.found.zones.len() > MOST_ZONES {
                return refused(at, "too_many_zones", format!("the file has more than {MOST_ZONES} time zones"));
            }
        }
        Ok(())
    }

    fn property(&mut self, at: usize, name: String, rest: &str) -> Result<(), Refused> {
        match (self.open.len(), &mut self.event, &mut self.zone) {
            (1, _, _) if name == "METHOD" => match rest.strip_prefix(':').map(str::trim) {
                Some(method) if method.eq_ignore_ascii_case("PUBLISH") => Ok(()),
                _ => refused(at, "not_published", "it is a message about single events, not a calendar (METHOD)"),
            },
            (2, Some(event), _) if WANTED.contains(&name.as_str()) => {
                if event.properties.len() >= MOST_PROPERTIES {
                    return refused(
                        at,
                        "too_many_properties",
                        format!("it is of more than {MOST_PROPERTIES} in one event"),
                    );
                }
                match property(name, rest) {
                    Some(property) => event.properties.push(property),
                    None => event.is_broken = true,
                }
                Ok(())
            }
            (2, _, Some(zone)) if name == "TZID" || name == "X-LIC-LOCATION" => {
                let value = property(name.clone(), rest).map(|property| property.value.trim().to_owned());
                match value {
                    Some(value) if name == "TZID" => zone.id = value,
                    value => zone.location = value,
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn finish(self, at: usize) -> Result<RawCalendar, Refused> {
        if self.calendars == 0 {
            return refused(1, "not_a_calendar", "a calendar begins with BEGIN:VCALENDAR");
        }
        if !self.open.is_empty() {
            return refused(at.max(1), "unbalanced", "the file ends within a component: is it whole?");
        }
        Ok(self.found)
    }
}

/// The parameters and the value behind a name; `None` where they cannot be told apart.
fn property(name: String, mut rest: &str) -> Option<Property> {
    let mut parameters = Vec::new();
    loop {
        if let Some(value) = rest.strip_prefix(':') {
            return Some(Property { name, parameters, value: value.to_owned() });
        }
        let (parameter, after) = rest.strip_prefix(';')?.split_once('=')?;
        let end = value_end(after)?;
        let (value, after) = after.split_at_checked(end)?;
        parameters.push((parameter.to_ascii_uppercase(), value.replace('"', "")));
        rest = after;
    }
}

/// Where a parameter's value ends: at a `;` or `:` outside quotes.
fn value_end(text: &str) -> Option<usize> {
    let mut quoted = false;
    text.char_indices().find_map(|(at, c)| {
        quoted ^= c == '"';
        (!quoted && matches!(c, ';' | ':')).then_some(at)
    })
}

/// Lines put together again where they were folded (3.1), with the number of the first.
struct Unfolded<'a> {
    rest: std::iter::Peekable<std::str::Lines<'a>>,
    at: usize,
}

impl<'a> Unfolded<'a> {
    fn new(text: &'a str) -> Self {
        Self { rest: text.lines().peekable(), at: 0 }
    }

    fn next(&mut self) -> Result<Option<(usize, Cow<'a, str>)>, Refused> {
        let Some(line) = self.rest.next() else { return Ok(None) };
        self.at += 1;
        let first = self.at;
        let mut whole = Cow::Borrowed(line);
        while let Some(more) = self.rest.next_if(|line| line.starts_with([' ', '\t'])) {
            self.at += 1;
            whole.to_mut().push_str(more.get(1..).unwrap_or_default());
            if whole.len() > LONGEST_LINE {
                break;
            }
        }
        if whole.len() > LONGEST_LINE {
            return refused(first, "line_too_long", format!("it has more than {LONGEST_LINE} bytes"));
        }
        Ok(Some((first, whole)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn code(text: &str) -> &'static str {
        read(text).unwrap_err().code
    }

    #[test]
    fn lines_are_unfolded_and_what_is_not_wanted_is_passed_by() {
        let text = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VTIMEZONE\r\nTZID:Office\r\nX-LIC-LOCATION:Asia/Kolkata\r\n\
                    BEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n\
                    BEGIN:VEVENT\r\nUID:a\r\n b\r\nDTSTART;TZID=\"Odd: zone;\";X=1:2026\r\n\t1201\r\nSUMMARY:secret\r\n\
                    begin:valarm\r\nUID:of the alarm\r\nend:valarm\r\nDTEND\r\n ;broken\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
        let calendar = read(text).unwrap();
        assert_eq!(calendar.zones[0].location.as_deref(), Some("Asia/Kolkata"));
        let event = &calendar.events[0];
        assert_eq!((event.line, event.properties.len(), event.is_broken), (10, 2, true));
        assert_eq!(event.properties[0].value, "ab");
        assert_eq!(event.properties[1].value, "20261201");
        assert_eq!(event.properties[1].parameter("TZID"), Some("Odd: zone;"));
    }

    #[test]
    fn what_is_no_calendar_is_refused() {
        for (text, expected) in [
            ("", "not_a_calendar"),
            ("\r\n\r\n", "not_a_calendar"),
            ("{\"a\": 1}", "not_a_content_line"),
            ("BEGIN:VEVENT\nEND:VEVENT\n", "not_a_calendar"),
            ("UID:x\nBEGIN:VCALENDAR\nEND:VCALENDAR\n", "not_a_calendar"),
            ("BEGIN:VCALENDAR\n", "unbalanced"),
            ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VCALENDAR\n", "unbalanced"),
            ("END:VCALENDAR\n", "unbalanced"),
            ("BEGIN:VCALENDAR\nno colon\nEND:VCALENDAR\n", "not_a_content_line"),
            ("BEGIN:VCALENDAR\nMETHOD:CANCEL\nEND:VCALENDAR\n", "not_published"),
        ] {
            assert_eq!(code(text), expected, "{text}");
        }
        assert!(read("BEGIN:VCALENDAR\nMETHOD:PUBLISH\nEND:VCALENDAR\nBEGIN:VCALENDAR\nEND:VCALENDAR").is_ok());
    }

    #[test]
    fn every_bound_holds() {
        let within = |what: &str| format!("BEGIN:VCALENDAR\n{what}\nEND:VCALENDAR\n");
        assert_eq!(code(&within(&"BEGIN:VEVENT\n".repeat(50_000))), "nested_in_itself");
        let deep: String = (0..50_000).map(|n| format!("BEGIN:X-{n}\n")).collect();
        assert_eq!(code(&within(&deep)), "nested_too_deep");
        assert_eq!(code(&within(&format!("X-A:{}", "x".repeat(LONGEST_LINE)))), "line_too_long");
        assert_eq!(code(&within(&format!("X-A:{}", "x\n ".repeat(LONGEST_LINE)))), "line_too_long");
        assert_eq!(code(&within(&"BEGIN:VEVENT\nEND:VEVENT\n".repeat(MOST_EVENTS + 1))), "too_many_events");
        let dates = format!("BEGIN:VEVENT\n{}END:VEVENT", "EXDATE:20260101\n".repeat(MOST_PROPERTIES + 1));
        assert_eq!(code(&within(&dates)), "too_many_properties");
    }
}
