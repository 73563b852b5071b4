//! Observations (OBX) and what an order (OBR) says of itself.

use hl7::clinical::{Comparator, Observation, Report, Value};

use super::{Change, Found, Places, code, note};
use crate::history::input::{EntryInput, ValueText};
use crate::history::kind::{ENTERED_IN_ERROR, INTERPRETATIONS, Kind};

/// The longest value of an entry, in characters; a longer one becomes its note.
const LONGEST_VALUE: usize = 500;

impl Found<'_> {
    pub(super) fn observations(&mut self, observations: &[Observation], report: Option<&Report>) {
        for observation in observations {
            self.observation(observation, report);
        }
    }

    fn observation(&mut self, of: &Observation, report: Option<&Report>) {
        let texts: Vec<String> = of.values.iter().map(text).filter(|text| !text.is_empty()).collect();
        let (value, long) = one_value(texts);
        let notes = of.notes.iter().map(|note| note.text.clone());
        let note_sources = of.notes.iter().map(|note| &note.sources);
        let status_code = of.status_code.as_deref().unwrap_or_default();
        let (status, change) = match status_code {
            "U" => ("FINAL".to_owned(), Change::Finalises),
            "C" => ("CORRECTED".to_owned(), Change::Corrects),
            _ if of.status == "entered-in-error" => (ENTERED_IN_ERROR.to_owned(), Change::TakesBack),
            _ => (of.status.to_uppercase(), Change::Says),
        };
        let sources = &of.sources;
        let long_value: &[&str] = if long.is_some() { &["values"] } else { &[] };
        let mut places = Places::at(sources, "OBX")
            .fill("code", sources, &["code"])
            .fill("value", sources, if value.is_some() { &["values"] } else { &[] })
            .fill("unit", sources, if value.is_some() { &["unit"] } else { &[] })
            .fill("reference_range", sources, &["reference_range"])
            .fill("interpretation", sources, &["flags"])
            .fill("status", sources, &["status"])
            .fill("effective_date", sources, &["effective"])
            .fill("note", sources, long_value);
        for sources in note_sources {
            places = places.fill("note", sources, &["text"]);
        }
        let unit = of.unit.as_ref().map(|unit| unit.code.clone().unwrap_or_else(|| unit.display().to_owned()));
        let flag = flag(of, &mut places);
        let input = EntryInput {
            kind: Some(Kind::Observation.as_str().to_owned()),
            code: Some(code::of(&of.code, &self.sender)),
            status: Some(status),
            effective_date: of.effective.map(|time| self.date(time)),
            unit: unit.filter(|_| value.is_some()),
            value: value.map(ValueText),
            severity: None,
            interpretation: flag,
            reference_range: of.reference_range.as_ref().map(|range| range.text.clone()),
            note: note(long.into_iter().chain(notes)),
        };
        let key = self.key(of, report);
        self.push(&key.iter().map(String::as_str).collect::<Vec<_>>(), input, places, change);
    }

    /// Its own number, or that of its order with the code; or else what was observed when. Without a time it is the same in
    /// the same message alone.
    fn key(&self, of: &Observation, report: Option<&Report>) -> Vec<String> {
        let code = of.code.code.clone().unwrap_or_else(|| of.code.display().to_owned());
        let sub_id = of.sub_id.clone().unwrap_or_default();
        if let Some(instance) = &of.instance {
            return vec!["OBX-21".to_owned(), instance.clone()];
        }
        let number = report.and_then(|report| {
            let filler = report.filler.as_ref().map(|id| ("filler", id));
            filler.or_else(|| report.placer.as_ref().map(|id| ("placer", id)))
        });
        let order = report.and_then(|report| report.code.as_ref()).and_then(|code| code.code.clone());
        let order = order.unwrap_or_default();
        let mut key = match (number, of.effective) {
            (Some((which, id)), _) => {
                vec![which.to_owned(), id.authority.clone().unwrap_or_default(), id.value.clone(), order]
            }
            (None, Some(time)) => vec!["time".to_owned(), time.to_string(), order],
            (None, None) => vec!["message".to_owned(), self.sender.control_id.to_owned(), order],
        };
        // Without its system, which who takes a result back often leaves out.
        key.extend(["OBX".to_owned(), code, sub_id]);
        key
    }

    /// What stands under an order and under no result: a note of its own.
    pub(super) fn report(&mut self, report: &Report) {
        let Some(text) = note(report.notes.iter().map(|note| note.text.clone())) else { return };
        let mut places = Places::at(&report.sources, "OBR").fill("code", &report.sources, &["code"]).fill(
            "effective_date",
            &report.sources,
            &["start"],
        );
        for note in &report.notes {
            places = places.fill("note", &note.sources, &["text"]);
        }
        let display = report.code.as_ref().map(|code| code::of(code, &self.sender));
        let number = report.filler.as_ref().or(report.placer.as_ref());
        let number = number.map_or_else(|| self.sender.control_id.to_owned(), |id| id.value.clone());
        let name = display.as_ref().and_then(|code| code.display.clone()).unwrap_or_default();
        let input = EntryInput {
            kind: Some(Kind::Note.as_str().to_owned()),
            code: display,
            effective_date: report.start.map(|time| self.date(time)),
            note: Some(text),
            ..EntryInput::default()
        };
        self.push(&["OBR-NTE", &number, &name], input, places, Change::Says);
    }
}

/// The first flag that the history has; the others are told of.
fn flag(of: &Observation, places: &mut Places) -> Option<String> {
    let place = of.sources.of("flags").next().map_or_else(|| places.at.clone(), |place| place.to_string());
    let (known, other): (Vec<String>, Vec<String>) =
        of.flags.iter().map(|flag| flag.code.to_uppercase()).partition(|flag| INTERPRETATIONS.contains(&flag.as_str()));
    if !other.is_empty() {
        places.left_out.push(format!("{place}: has a flag that is not of HL7 table 0078; left out"));
    }
    let first = known.first()?;
    if known.iter().any(|flag| flag != first) {
        places.left_out.push(format!("{place}: has more than one flag; the history keeps the first"));
    }
    Some(first.clone())
}

/// The values on one line, or else, where they are too long or of several lines, as a text.
fn one_value(texts: Vec<String>) -> (Option<String>, Option<String>) {
    if texts.is_empty() {
        return (None, None);
    }
    let line = texts.join(", ");
    if line.contains(['\n', '\r', '\t']) || line.chars().count() > LONGEST_VALUE {
        return (None, Some(texts.join("\n")));
    }
    (Some(line), None)
}

/// A value in words.
fn text(value: &Value) -> String {
    let or_empty = |number: &Option<hl7::datatype::Decimal>| {
        number.as_ref().map(|number| number.as_str().to_owned()).unwrap_or_default()
    };
    match value {
        Value::Quantity { comparator, number } => format!("{}{}", comparator.map_or("", mark), number.as_str()),
        Value::Range { low, high } => format!("{}-{}", or_empty(low), or_empty(high)),
        Value::Ratio { numerator, denominator } => format!("{}:{}", numerator.as_str(), denominator.as_str()),
        Value::Coded(coded) => coded.display().to_owned(),
        Value::Text(text) | Value::Pointer(text) => text.clone(),
        Value::Time(time) => time.to_string(),
        Value::TimeOfDay(time) => time.to_string(),
        Value::Period { start, end } => {
            let or_open = |time: &Option<hl7::Timestamp>| time.map_or_else(String::new, |time| time.to_string());
            format!("{} to {}", or_open(start), or_open(end)).trim().to_owned()
        }
    }
}

const fn mark(comparator: Comparator) -> &'static str {
    match comparator {
        Comparator::Below => "<",
        Comparator::AtMost => "<=",
        Comparator::Above => ">",
        Comparator::AtLeast => ">=",
    }
}
