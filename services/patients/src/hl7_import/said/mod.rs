//! From what a message says of a patient's health to entries of the history. Pure.

mod code;
mod observation;
mod segments;

use std::collections::HashMap;

use chassis::strict_json;
use chrono::NaiveDate;
use hl7::adt::AdtEvent;
use hl7::{Content, Header, Place, Sources};
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

/// Everything that the message gives for the history, in its order.
pub fn of(content: &Content, header: &Header) -> Vec<Said> {
    let mut found = Found { sender: Sender::of(header), said: Vec::new(), seen: HashMap::new() };
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
    said: Vec<Said>,
    /// How often each key was there: the second of the same is another entry, in every message alike.
    seen: HashMap<[u8; 32], usize>,
}

impl Found<'_> {
    fn push(&mut self, key: &[&str], input: EntryInput, places: Places, change: Change) {
        let plain = self.digest(key, 0);
        let count = self.seen.entry(plain).or_default();
        let key = if *count == 0 { plain } else { digest_of(&self.sender, key, *count) };
        *count += 1;
        self.said.push(Said { key, input, places: places.places, at: places.at, change });
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
}

impl Places {
    fn at(sources: &Sources, segment: &str) -> Self {
        let first = sources.iter().map(|(_, place)| place).find(|place| place.segment() == segment);
        let at = first.map_or_else(|| segment.to_owned(), segment_of);
        Self { at, places: Map::new() }
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
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::history::kind::Kind;

    fn said(message: &[u8]) -> Vec<Said> {
        let message = hl7::parse(message).unwrap();
        of(&hl7::read(&message).unwrap(), &message.header().unwrap())
    }

    fn fixture(name: &str) -> Vec<u8> {
        let path = format!("{}/../../crates/hl7/fixtures/{name}.hl7", env!("CARGO_MANIFEST_DIR"));
        std::fs::read(path).unwrap()
    }

    fn entries(message: &[u8]) -> (Vec<Entry>, Vec<String>) {
        let (mut warnings, today) = (Vec::new(), NaiveDate::from_ymd_opt(2026, 11, 27).unwrap());
        let entries = said(message).iter().filter_map(|said| said.checked(today, &mut warnings)).collect();
        (entries, warnings)
    }

    fn text(value: Option<&chassis::phi::Phi<String>>) -> &str {
        value.map_or("", |value| value.expose())
    }

    #[test]
    fn an_admission_gives_allergies_diagnoses_procedures_and_observations() {
        let (entries, warnings) = entries(&fixture("a01-clinical"));
        let shown: Vec<_> = entries
            .iter()
            .map(|e| (e.kind, text(e.code.as_ref()), e.status.as_str(), e.effective_date.as_deref().unwrap_or("")))
            .collect();
        assert_eq!(
            shown,
            [
                (Kind::Allergy, "7980", "ACTIVE", "2019-03-01"),
                (Kind::Allergy, "PNUT", "ACTIVE", "2001"),
                (Kind::Condition, "I10", "ACTIVE", "2026-11-21"),
                (Kind::Condition, "E11.9", "ACTIVE", ""),
                (Kind::Condition, "", "ENTERED_IN_ERROR", ""),
                (Kind::Procedure, "29303009", "COMPLETED", "2026-11-21"),
                (Kind::Observation, "8480-6", "FINAL", "2026-11-21"),
                (Kind::Observation, "8462-4", "FINAL", "2026-11-21"),
            ],
            "{warnings:?}"
        );
        assert_eq!(text(entries[0].note.as_ref()), "Rash\nBreathless");
        assert_eq!(
            (entries[0].severity.as_deref(), entries[1].severity.as_deref()),
            (Some("SEVERE"), Some("MODERATE"))
        );
        let pressure = &entries[6];
        assert_eq!((text(pressure.value.as_ref()), pressure.unit.as_deref()), ("168", Some("mm[Hg]")));
        assert_eq!(
            (text(pressure.reference_range.as_ref()), pressure.interpretation.as_deref()),
            ("90-140", Some("H"))
        );
        assert_eq!(text(entries[7].note.as_ref()), "Left arm, sitting");
    }

    #[test]
    fn results_keep_value_unit_range_flag_and_where_they_stood() {
        let message = fixture("r01-haematology");
        let found = said(&message);
        let haemoglobin = found.iter().find(|said| said.at == "OBX[2]").unwrap();
        assert_eq!(
            Json::Object(haemoglobin.places.clone()),
            serde_json::json!({"code": ["OBX[2]-3"], "value": ["OBX[2]-5"], "unit": ["OBX[2]-6"],
                "reference_range": ["OBX[2]-7"], "interpretation": ["OBX[2]-8", "OBX[2]-8[2]"], "status": ["OBX[2]-11"],
                "effective_date": ["OBX[2]-14"], "note": ["NTE[3]-3", "NTE[4]-3"]})
        );
        let (entries, warnings) = entries(&message);
        let values: Vec<_> = entries.iter().map(|e| (text(e.value.as_ref()), e.status.as_str())).collect();
        assert_eq!(
            values,
            [
                ("172", "FINAL"),
                ("", "FINAL"),
                ("9.20", "FINAL"),
                ("<0.5", "PRELIMINARY"),
                (">1000", "FINAL"),
                ("1:128", "CORRECTED"),
                ("3-5", "FINAL"),
                ("no organisms seen", "FINAL"),
                ("", "FINAL"),
                ("Blood group A Rh(D) positive", "FINAL"),
                ("pending", "UNKNOWN"),
                ("2026-10", "FINAL"),
                ("06:15", "FINAL"),
                ("one, two", "CANCELLED"),
                ("140", "PRELIMINARY"),
            ],
            "{warnings:?}"
        );
        let comment = entries.iter().find(|e| text(e.code.as_ref()) == "8251-1").unwrap();
        assert_eq!(text(comment.note.as_ref()), "first line\nsecond line & more");
    }

    #[test]
    fn the_same_result_has_the_same_key_in_every_message_and_its_double_another() {
        let message = |control_id: &str, filler: &str, rest: &str| {
            format!(
                "MSH|^~\\&|LIS|LAB|E|E|||ORU^R01|{control_id}|P|2.5\rPID|1||7^^^A^MR\rOBR|1||{filler}|X\r\
                 OBX|1|NM|718-7^Hb^LN||{rest}\rOBX|2|NM|718-7^Hb^LN||9\r"
            )
        };
        let keys = |control_id: &str, filler: &str, rest: &str| {
            said(message(control_id, filler, rest).as_bytes()).iter().map(|said| said.key).collect::<Vec<_>>()
        };
        let first = keys("1", "F-1", "13|g/dL");
        assert_ne!(first[0], first[1]);
        assert_eq!(keys("2", "F-1", "14|g/dL||||C"), first);
        assert_ne!(keys("1", "F-2", "13"), first);
        // Without a number of the order and without a time nothing says that it is the same result.
        assert_ne!(keys("1", "", "13"), keys("2", "", "13"));
    }

    #[test]
    fn vaccinations_say_which_dose_was_given_or_refused() {
        let (entries, warnings) = entries(&fixture("v04-vaccination"));
        let given: Vec<_> = entries.iter().filter(|e| e.kind == Kind::Immunization).collect();
        assert_eq!(given.len(), 2, "{warnings:?}");
        assert_eq!((text(given[0].code.as_ref()), text(given[0].value.as_ref())), ("146", "0.5"));
        assert_eq!((given[0].unit.as_deref(), given[0].status.as_str()), (Some("mL"), "COMPLETED"));
        assert!(text(given[0].note.as_ref()).contains("LOT77"));
        assert_eq!(given[1].status, "NOT_DONE");
        assert!(text(given[1].note.as_ref()).contains("Parental decision"));
    }

    #[test]
    fn what_does_not_pass_the_histories_check_is_left_out_and_the_rest_is_taken() {
        let (entries, warnings) = entries(format!(
            "MSH|^~\\&|LIS|LAB|E|E|||ORU^R01|1|P|2.5\rPID|1||7^^^A^MR\rOBR|1||F-1|X\r\
             OBX|1|NM|718-9^Hb^LN||13|{}|<b>x</b>|??|||F|||20990101\rOBX|2|ST|NA^Sodium^L||Aadhaar 2341 2341 2346|||||F\r",
            "g".repeat(50)
        ).as_bytes());
        assert_eq!(entries.len(), 2, "{warnings:?}");
        let first = &entries[0];
        assert_eq!((text(first.display.as_ref()), text(first.value.as_ref())), ("Hb", "13"));
        assert_eq!((first.code_system.as_deref(), text(first.code.as_ref())), (Some("urn:ehs:hl7v2:LAB:LN"), "718-9"));
        assert!(first.unit.is_none() && first.reference_range.is_none() && first.effective_date.is_none());
        assert_eq!(text(entries[1].value.as_ref()), "");
        assert_eq!(
            (entries[1].code_system.as_deref(), text(entries[1].code.as_ref())),
            (Some("urn:ehs:hl7v2:LAB:L"), "NA")
        );
        assert!(warnings.iter().all(|warning| !warning.contains("2341")), "{warnings:?}");
    }
}
