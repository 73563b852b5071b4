//! Allergies (AL1), diagnoses (DG1), procedures (PR1), vaccinations (RXA).

use hl7::Timestamp;
use hl7::clinical::{Allergy, Diagnosis, Immunization, Procedure};
use hl7::datatype::{Coded, EntityId};

use super::{Change, Found, Places, code, note};
use crate::history::input::{EntryInput, ValueText};
use crate::history::kind::{ENTERED_IN_ERROR, Kind};

impl Found<'_> {
    pub(super) fn allergy(&mut self, of: &Allergy) {
        let sources = &of.sources;
        let places = Places::at(sources, "AL1")
            .fill("code", sources, &["code"])
            .fill("severity", sources, &["criticality"])
            .fill("effective_date", sources, &["onset"])
            .fill("note", sources, &["reactions"]);
        let severity = of.severity.or(of.criticality).map(str::to_uppercase);
        let input = EntryInput {
            severity,
            note: note(of.reactions.iter().cloned()),
            ..self.entry(Kind::Allergy, &of.code, of.onset)
        };
        let key = number_of(&of.code);
        self.push(&["AL1", &key], input, places, Change::Says);
    }

    pub(super) fn diagnosis(&mut self, of: &Diagnosis) {
        let sources = &of.sources;
        let places = Places::at(sources, "DG1")
            .fill("code", sources, &["code"])
            .fill("effective_date", sources, &["onset"])
            .fill("status", sources, &["entered_in_error"])
            .fill("note", sources, &["kind"]);
        let status = of.entered_in_error.then(|| ENTERED_IN_ERROR.to_owned());
        // HL7 table 0052.
        let kind = match of.kind.as_deref() {
            Some("A") => "Admitting diagnosis",
            Some("W") => "Working diagnosis",
            Some("F") => "Final diagnosis",
            _ => "",
        };
        let input =
            EntryInput { status, note: note([kind.to_owned()]), ..self.entry(Kind::Condition, &of.code, of.onset) };
        let key = match &of.identifier {
            Some(id) => numbered("DG1-20", id),
            None => vec!["DG1".to_owned(), number_of(&of.code), day(of.onset)],
        };
        let change = if of.entered_in_error { Change::TakesBack } else { Change::Says };
        self.push(&parts(&key), input, places, change);
    }

    pub(super) fn procedure(&mut self, of: &Procedure, is_planned: bool) {
        let sources = &of.sources;
        let places =
            Places::at(sources, "PR1").fill("code", sources, &["code"]).fill("effective_date", sources, &["performed"]);
        let input = self.entry(Kind::Procedure, &of.code, of.performed);
        // Whatever the event, nobody has done yet what is to be done another day.
        let is_planned = is_planned || input.effective_date.as_deref().is_some_and(|date| self.is_ahead(date));
        let input = EntryInput { status: is_planned.then(|| "PREPARATION".to_owned()), ..input };
        let key = match &of.identifier {
            Some(id) => numbered("PR1-19", id),
            None => {
                let time = of.performed.map(|time| time.to_string()).unwrap_or_default();
                vec!["PR1".to_owned(), number_of(&of.code), time]
            }
        };
        self.push(&parts(&key), input, places, Change::Says);
    }

    pub(super) fn immunization(&mut self, of: &Immunization) {
        let sources = &of.sources;
        let places = Places::at(sources, "RXA")
            .fill("code", sources, &["vaccine"])
            .fill("effective_date", sources, &["occurrence"])
            .fill("value", sources, &["dose"])
            .fill("unit", sources, &["unit"])
            .fill("status", sources, &["status"])
            .fill("note", sources, &["lot_number", "manufacturer", "route", "site", "refusal"]);
        let (status, change) = match of.status {
            Some("not-done") => ("NOT_DONE", Change::Says),
            Some("entered-in-error") => (ENTERED_IN_ERROR, Change::TakesBack),
            _ => ("COMPLETED", Change::Says),
        };
        let words = |label: &str, coded: &Option<Coded>| {
            coded.as_ref().map(|coded| format!("{label}: {}", coded.display())).unwrap_or_default()
        };
        let lot = of.lot_number.as_ref().map(|lot| format!("Lot: {lot}")).unwrap_or_default();
        let lines = [
            lot,
            words("Manufacturer", &of.manufacturer),
            words("Route", &of.route),
            words("Site", &of.site),
            words("Not given", &of.refusal),
        ];
        let unit = of.unit.as_ref().map(|unit| unit.code.clone().unwrap_or_else(|| unit.display().to_owned()));
        let input = EntryInput {
            status: Some(status.to_owned()),
            unit: unit.filter(|_| of.dose.is_some()),
            value: of.dose.as_ref().map(|dose| ValueText(dose.as_str().to_owned())),
            note: note(lines),
            ..self.entry(Kind::Immunization, &of.vaccine, of.occurrence)
        };
        let key = match &of.identifier {
            Some(id) => [numbered("ORC", id), vec![number_of(&of.vaccine)]].concat(),
            None => vec!["RXA".to_owned(), number_of(&of.vaccine), day(of.occurrence)],
        };
        self.push(&parts(&key), input, places, change);
    }

    fn entry(&self, kind: Kind, of: &Coded, date: Option<Timestamp>) -> EntryInput {
        EntryInput {
            kind: Some(kind.as_str().to_owned()),
            code: Some(code::of(of, &self.sender)),
            effective_date: date.map(|time| self.date(time)),
            ..EntryInput::default()
        }
    }
}

/// The code with its system, or the words: what a sender calls the same thing by.
fn number_of(coded: &Coded) -> String {
    match &coded.code {
        Some(code) => format!("{}|{code}", coded.system.as_deref().unwrap_or_default()),
        None => coded.display().to_lowercase(),
    }
}

fn numbered(field: &str, id: &EntityId) -> Vec<String> {
    vec![field.to_owned(), id.authority.clone().unwrap_or_default(), id.value.clone()]
}

fn day(time: Option<Timestamp>) -> String {
    time.map(|time| time.date.to_string()).unwrap_or_default()
}

fn parts(key: &[String]) -> Vec<&str> {
    key.iter().map(String::as_str).collect()
}
