//! From a file to the times in which somebody is busy. Pure.
//!
//! What an event is about is never looked at: of its UID the SHA-256 is kept, which tells it from others.

use std::collections::{BTreeMap, HashMap, HashSet};

use chassis::strict_json::digest;
use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::event::{Date, Event, Fault, Presence};
use super::lines::{self, Refused};
use super::rule::{MOST_LOOKS, Starts};
use super::when::{Length, When, Zones};
use crate::slots::Span;

/// Blocks of one calendar at most.
pub const MOST_BLOCKS: usize = 5000;
/// How far ahead blocks are made; what is later comes with a later import.
pub const AHEAD: Days = Days::new(366);
/// The longest block; the database holds a little more.
const LONGEST: TimeDelta = TimeDelta::days(366);

/// The SHA-256 of a UID.
pub type Uid = [u8; 32];

/// What says which event a time is of: the UID, and when the occurrence was to begin at first, where it recurs.
pub type Key = (Uid, Option<DateTime<Utc>>);

/// A time in which somebody is busy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Busy {
    /// When.
    pub span: Span,
    /// Which version of the event says so: `SEQUENCE`.
    pub sequence: i64,
    /// And when that was written: `DTSTAMP`.
    pub stamp: Option<DateTime<Utc>>,
}

/// Events that take none of the time that can be booked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct PassedBy {
    /// Those during which one is free (`TRANSPARENT`).
    pub transparent: usize,
    /// Those that were called off.
    pub cancelled: usize,
    /// Those that are over.
    pub past: usize,
    /// Those that begin more than 366 days ahead.
    pub far_ahead: usize,
    /// Those that take no time.
    pub momentary: usize,
}

/// What a file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Events in the file.
    pub events: usize,
    /// Busy times, each under what tells it from others.
    pub busy: BTreeMap<Key, Busy>,
    /// Events that take no time.
    pub passed_by: PassedBy,
    /// Events that cannot be taken: where they begin, and why.
    pub not_taken: Vec<(usize, Fault)>,
    /// Theirs: what is known of them already stays.
    pub unread: HashSet<Uid>,
}

/// From when on, and on which wall clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// The hospital's zone.
    pub zone: Tz,
    /// Now.
    pub now: DateTime<Utc>,
}

/// What tells an event from others.
pub fn uid(text: &str) -> Uid {
    digest(text.as_bytes())
}

/// Reads a file.
///
/// # Errors
/// When it is no calendar, or goes beyond a bound; then nothing of it is taken.
pub fn read(text: &str, clock: Clock) -> Result<Reading, Refused> {
    let file = lines::read(text)?;
    let zones = Zones { ours: clock.zone, theirs: &file.zones };
    let mut expansion = Expansion::of(clock, file.events.len());
    let mut by_uid: HashMap<Uid, Family> = HashMap::new();
    for raw in &file.events {
        match Event::of(raw, &zones) {
            Ok(event) => by_uid.entry(uid(&event.uid)).or_default().add(event, clock.zone),
            Err((named, fault)) => {
                if fault == Fault::TooOften {
                    return Err(fault.refusal(raw.line));
                }
                expansion.found.unread.extend(named.as_deref().map(uid));
                expansion.found.not_taken.push((raw.line, fault));
            }
        }
    }
    let mut families: Vec<(Uid, Family)> = by_uid.into_iter().collect();
    families.sort_by_key(|(uid, _)| *uid);
    for (uid, family) in families {
        expansion.family(uid, family)?;
    }
    let mut found = expansion.found;
    found.not_taken.sort_by_key(|(line, _)| *line);
    Ok(found)
}

/// The events of one UID: one, and what differs in its occurrences.
#[derive(Default)]
struct Family {
    master: Option<Event>,
    /// By when the occurrence was to begin.
    changed: BTreeMap<DateTime<Utc>, Event>,
}

impl Family {
    /// Of two that say the same, the newer one counts.
    fn add(&mut self, event: Event, zone: Tz) {
        let newer = |old: &Event| (old.sequence, old.stamp) <= (event.sequence, event.stamp);
        match event.recurrence.map(|of| of.instant(zone)) {
            None if self.master.as_ref().is_none_or(newer) => self.master = Some(event),
            Some(Some(of)) if self.changed.get(&of).is_none_or(newer) => drop(self.changed.insert(of, event)),
            _ => {}
        }
    }
}

struct Expansion {
    clock: Clock,
    horizon: DateTime<Utc>,
    /// Looks that the rules have left.
    left: u32,
    found: Reading,
}

/// An event's start on other days.
struct At(When, Tz);

impl Starts for At {
    fn local(&self, date: NaiveDate) -> NaiveDateTime {
        match self.0.on(date) {
            When::Day(date) => date.into(),
            When::At(local, _) => local,
        }
    }

    fn instant(&self, date: NaiveDate) -> Option<DateTime<Utc>> {
        self.0.on(date).instant(self.1)
    }
}

/// What became of an occurrence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Taken,
    Past,
    FarAhead,
}

impl Expansion {
    fn of(clock: Clock, events: usize) -> Self {
        let horizon = clock.now.checked_add_days(AHEAD).unwrap_or(clock.now);
        Self { clock, horizon, left: MOST_LOOKS, found: Reading { events, ..Reading::default() } }
    }

    fn family(&mut self, uid: Uid, family: Family) -> Result<(), Refused> {
        let Family { master, changed } = family;
        if let Some(master) = master {
            let recurs = master.recurs();
            let outcome = match (self.passed_by(&master), recurs) {
                (true, _) => Ok(()),
                (false, false) => self.once(uid, &master),
                (false, true) => self.again_and_again(uid, &master, &changed)?,
            };
            self.note(uid, &master, outcome);
            self.within_bounds(&master)?;
        }
        for (original, event) in changed {
            if self.passed_by(&event) {
                continue;
            }
            let place = self.place(&event, event.start, event.length, (uid, Some(original)));
            let outcome = place.map(|place| self.count(place));
            self.note(uid, &event, outcome);
            self.within_bounds(&event)?;
        }
        Ok(())
    }

    fn note(&mut self, uid: Uid, event: &Event, outcome: Result<(), Fault>) {
        if let Err(fault) = outcome {
            self.found.not_taken.push((event.line, fault));
            self.found.unread.insert(uid);
        }
    }

    /// Whether it takes no time by its own words.
    fn passed_by(&mut self, event: &Event) -> bool {
        let passed = match event.presence {
            Presence::Busy if event.takes_time() => return false,
            Presence::Busy => &mut self.found.passed_by.momentary,
            Presence::Free => &mut self.found.passed_by.transparent,
            Presence::Cancelled => &mut self.found.passed_by.cancelled,
        };
        *passed += 1;
        true
    }

    fn count(&mut self, place: Place) {
        match place {
            Place::Taken => {}
            Place::Past => self.found.passed_by.past += 1,
            Place::FarAhead => self.found.passed_by.far_ahead += 1,
        }
    }

    fn once(&mut self, uid: Uid, event: &Event) -> Result<(), Fault> {
        let place = self.place(event, event.start, event.length, (uid, None))?;
        self.count(place);
        Ok(())
    }

    /// Every occurrence of the event that lies ahead, but for those that have an event of their own or are excepted.
    fn again_and_again(
        &mut self,
        uid: Uid,
        event: &Event,
        changed: &BTreeMap<DateTime<Utc>, Event>,
    ) -> Result<Result<(), Fault>, Refused> {
        let ours = self.clock.zone;
        let excepted: HashSet<DateTime<Utc>> = event.exceptions.iter().filter_map(|when| when.instant(ours)).collect();
        // Some programs except a day where they mean what begins on it.
        let days: HashSet<NaiveDate> = event.exceptions.iter().filter_map(When::whole_day).collect();
        let mut last = Place::Past;
        for date in self.dates(event)? {
            let Some(original) = date.start.instant(ours) else { continue };
            if changed.contains_key(&original) || excepted.contains(&original) || days.contains(&date.start.date()) {
                continue;
            }
            match self.place(event, date.start, date.length.unwrap_or(event.length), (uid, Some(original))) {
                Ok(place) => last = if last == Place::Taken { last } else { place },
                Err(fault) => return Ok(Err(fault)),
            }
            self.within_bounds(event)?;
        }
        self.count(last);
        Ok(Ok(()))
    }

    /// The dates of the rule within the window, a day more at both ends for zones far away, and those that are added.
    fn dates(&mut self, event: &Event) -> Result<Vec<Date>, Refused> {
        let mut dates = vec![Date { start: event.start, length: None }];
        if let Some(rule) = &event.rule {
            let longest = TimeDelta::try_days(event.length.days.saturating_add(event.length.rest.num_days()).min(400));
            let reach = longest.unwrap_or_default() + TimeDelta::days(2);
            let from = self.clock.now.checked_sub_signed(reach).unwrap_or(self.clock.now).date_naive();
            let until = self.horizon.checked_add_days(Days::new(2)).unwrap_or(self.horizon).date_naive();
            let starts = At(event.start, self.clock.zone);
            let days = rule.days(event.start.date(), (from, until), &starts, &mut self.left);
            let days = days.map_err(|_exhausted| Refused {
                line: event.line,
                code: "too_many_occurrences",
                message: "it recurs too often to be looked through".to_owned(),
            })?;
            dates.extend(days.into_iter().map(|day| Date { start: event.start.on(day), length: None }));
        }
        dates.extend(event.added.iter().copied());
        Ok(dates)
    }

    fn place(&mut self, event: &Event, start: When, length: Length, key: Key) -> Result<Place, Fault> {
        let ours = self.clock.zone;
        let (begin, end) = start.instant(ours).zip(start.end(length, ours)).ok_or(Fault::NotATime)?;
        if end <= begin {
            return Err(Fault::EndsBeforeItBegins);
        }
        if end - begin > LONGEST {
            return Err(Fault::TooLong);
        }
        if end <= self.clock.now {
            return Ok(Place::Past);
        }
        if begin >= self.horizon {
            return Ok(Place::FarAhead);
        }
        let span = Span { start: begin, end };
        self.found.busy.insert(key, Busy { span, sequence: event.sequence, stamp: event.stamp });
        Ok(Place::Taken)
    }

    fn within_bounds(&self, event: &Event) -> Result<(), Refused> {
        if self.found.busy.len() <= MOST_BLOCKS {
            return Ok(());
        }
        let message = format!("it is one of more than {MOST_BLOCKS} occurrences in all");
        Err(Refused { line: event.line, code: "too_many_occurrences", message })
    }
}

#[cfg(test)]
#[path = "expand_tests.rs"]
mod tests;
