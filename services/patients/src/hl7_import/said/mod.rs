//! From what a message says of a patient's health to entries of the history. Pure.

mod code;
mod observation;
mod segments;

use std::collections::HashMap;

use chassis::strict_json;
use chrono::{NaiveDate, TimeZone};
use chrono_tz::Tz;
use hl7::adt::AdtEvent;
use hl7::{Content, Header, PartialDate, Place, Sources, Timestamp};
use serde_json::{Map, Value as Json};

use crate::history::entry::Content as Entry;
use crate::history::input::EntryInput;

/// What a person may read of one entry, in characters; a longer text is cut, and the message has it whole.
const LONGEST_NOTE: usize = 4000;

/// An entry that a message gives.
pub struct Said {
    /// What makes it the same entry when it is sent again: a digest of the sender and of its numbers.
    pub key: [u8; 32],
    /// What it says, as the API would be sent it.
    pub input: EntryInput,
    /// Which of the message's fields filled which of ours.
    pub places: Map<String, Json>,
    /// Where it stands, for warnings: `OBX[3]`.
    pub at: String,
    /// What is to be done with the entry that is there already.
    pub change: Change,
    /// What the entry has no place for, for the sender.
    pub left_out: Vec<String>,
}

/// What a message does to an entry that an earlier one gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It says the same again, or something newer.
    Says,
    /// It corrects what it said, whoever has amended it since.
    Corrects,
    /// It should never have been said.
    TakesBack,
    /// What was preliminary is final, and is not sent again.
    Finalises,
}

/// Who says it: the part of the keys that is the same for the whole message.
pub struct Sender<'a> {
    application: &'a str,
    facility: &'a str,
    control_id: &'a str,
}

impl<'a> Sender<'a> {
    /// The sender of a message.
    pub fn of(header: &'a Header) -> Self {
        Self {
            application: &header.sending_application,
            facility: &header.sending_facility,
            control_id: &header.control_id,
        }
    }
}

/// Everything that the message gives for the history, in its order. `zone` is the hospital's, and `today` the date there.
pub fn of(content: &Content, header: &Header, zone: Tz, today: NaiveDate) -> Vec<Said> {
    let mut found = Found { sender: Sender::of(header), zone, today, said: Vec::new(), seen: HashMap::new() };
    match content {
        Content::Adt(adt) => {
            adt.allergies.iter().for_each(|allergy| found.allergy(allergy));
            adt.diagnoses.iter().for_each(|diagnosis| found.diagnosis(diagnosis));
            // What is to be done when the patient comes, before they have come.
            let is_planned = adt.event == AdtEvent::A05;
            adt.procedures.iter().for_each(|procedure| found.procedure(procedure, is_planned));
            found.observations(&adt.observations, None);
        }
        Content::Results(results) => {
            found.observations(&results.observations, None);
            for report in &results.reports {
                found.report(report);
                found.observations(&report.observations, Some(report));
            }
        }
        Content::Schedule(schedule) => {
            schedule.diagnoses.iter().for_each(|diagnosis| found.diagnosis(diagnosis));
            found.observations(&schedule.observations, None);
        }
        Content::Vaccination(vaccination) => {
            vaccination.allergies.iter().for_each(|allergy| found.allergy(allergy));
            for immunization in &vaccination.immunizations {
                found.immunization(immunization);
                found.observations(&immunization.observations, None);
            }
            found.observations(&vaccination.observations, None);
        }
    }
    found.said
}

/// Entries while they are gathered.
struct Found<'a> {
    sender: Sender<'a>,
    zone: Tz,
    today: NaiveDate,
    said: Vec<Said>,
    /// How often each key was there: the second of the same is another entry, in every message alike.
    seen: HashMap<[u8; 32], usize>,
}

impl Found<'_> {
    /// The date in the hospital; one without a time of day, or without an offset, is the hospital's as it stands.
    fn date(&self, time: Timestamp) -> String {
        let instant = match (time.date, time.time, time.offset) {
            (PartialDate::Day(day), Some(of_day), Some(offset)) => {
                offset.from_local_datetime(&day.and_time(of_day)).single()
            }
            _ => None,
        };
        instant.map_or_else(|| time.date.to_string(), |at| at.with_timezone(&self.zone).date_naive().to_string())
    }

    /// Whether a date has not begun: of a month or a year, whether none of its days has.
    fn is_ahead(&self, date: &str) -> bool {
        self.today.to_string().get(..date.len()).is_some_and(|today| date > today)
    }

    fn push(&mut self, key: &[&str], input: EntryInput, places: Places, change: Change) {
        let plain = self.digest(key, 0);
        let count = self.seen.entry(plain).or_default();
        let key = if *count == 0 { plain } else { digest_of(&self.sender, key, *count) };
        *count += 1;
        let Places { at, places, left_out } = places;
        self.said.push(Said { key, input, places, at, change, left_out });
    }

    fn digest(&self, key: &[&str], nth: usize) -> [u8; 32] {
        digest_of(&self.sender, key, nth)
    }
}

fn digest_of(sender: &Sender<'_>, key: &[&str], nth: usize) -> [u8; 32] {
    let nth = nth.to_string();
    // Each part with its length, so that no two lists of parts are one text.
    let parts = [sender.application, sender.facility].into_iter().chain(key.iter().copied()).chain([nth.as_str()]);
    let text: String = parts.flat_map(|part| [part.len().to_string(), ":".to_owned(), part.to_owned()]).collect();
    strict_json::digest(text.as_bytes())
}

/// The places of one entry while they are gathered.
struct Places {
    at: String,
    places: Map<String, Json>,
    left_out: Vec<String>,
}

impl Places {
    fn at(sources: &Sources, segment: &str) -> Self {
        let first = sources.iter().map(|(_, place)| place).find(|place| place.segment() == segment);
        let at = first.map_or_else(|| segment.to_owned(), segment_of);
        Self { at, places: Map::new(), left_out: Vec::new() }
    }

    /// The places of the message's facts fill a field of ours.
    fn fill(mut self, field: &str, sources: &Sources, facts: &[&str]) -> Self {
        let places: Vec<Json> =
            facts.iter().flat_map(|fact| sources.of(fact)).map(|place| Json::from(place.to_string())).collect();
        if !places.is_empty() {
            let known = self.places.entry(field.to_owned()).or_insert_with(|| Json::Array(Vec::new()));
            if let Json::Array(known) = known {
                known.extend(places);
            }
        }
        self
    }
}

/// `OBX[3]` of `OBX[3]-5[2].1`.
fn segment_of(place: Place) -> String {
    let place = place.to_string();
    place.split('-').next().unwrap_or_default().to_owned()
}

/// Lines of a note, those that say something.
fn note(lines: impl IntoIterator<Item = String>) -> Option<String> {
    let text = lines.into_iter().filter(|line| !line.trim().is_empty()).collect::<Vec<_>>().join("\n");
    (!text.trim().is_empty()).then_some(text)
}

impl Said {
    /// The entry as the history's own check lets it pass. What does not pass is left out and warned of; nothing where that is
    /// the whole entry.
    pub fn checked(&self, today: NaiveDate, warnings: &mut Vec<String>) -> Option<Entry> {
        warnings.extend(self.left_out.iter().cloned());
        let mut input = self.input.clone();
        if let Some(text) = input.note.as_mut().filter(|text| text.chars().count() > LONGEST_NOTE) {
            *text = text.chars().take(LONGEST_NOTE - 1).chain(['…']).collect();
            warnings
                .push(format!("{}: a text was cut to {LONGEST_NOTE} characters; the message has it whole", self.at));
        }
        for _ in 0..2 {
            let faults = match input.clone().check(today) {
                Ok(entry) => return Some(entry),
                Err(faults) => faults.0,
            };
            for fault in faults {
                let field = fault.field.split('.').next().unwrap_or_default();
                warnings.push(format!("{}: {}; left out", self.place_of(field), fault.message));
                self.leave_out(&mut input, &fault.field);
            }
        }
        if let Ok(entry) = input.check(today) {
            return Some(entry);
        }
        warnings.push(format!("{}: what is left is no entry of the history; left out", self.at));
        None
    }

    fn place_of(&self, field: &str) -> String {
        let place = self.places.get(field).and_then(|places| places.get(0)).and_then(Json::as_str);
        place.map_or_else(|| self.at.clone(), str::to_owned)
    }

    fn leave_out(&self, input: &mut EntryInput, field: &str) {
        match field {
            "code.display" => input.code.iter_mut().for_each(|code| code.display = None),
            "code.system" | "code.code" => input.code.iter_mut().for_each(|code| {
                (code.system, code.code) = (None, None);
            }),
            "status" => input.status = None,
            "effective_date" => input.effective_date = None,
            "value" => (input.value, input.unit) = (None, None),
            "unit" => input.unit = None,
            "severity" => input.severity = None,
            "interpretation" => input.interpretation = None,
            "reference_range" => input.reference_range = None,
            "note" => input.note = None,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
