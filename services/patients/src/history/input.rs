//! What may be said of an entry. One check for the API, HL7 and an import, with every fault at once. Pure.

use chassis::phi::Phi;
use chassis::problem::Problem;
use chassis::strict_json::{self, Fault, Faults};
use chassis::{merge_patch, text};
use chrono::{Datelike, Months, NaiveDate};
use deserr::{DeserializeError, Deserr, ErrorKind, IntoValue, Value, ValueKind, ValuePointerRef};
use serde_json::Value as Json;
use utoipa::ToSchema;

use super::code::{Code, CodeInput};
use super::entry::{Content, Entry};
use super::kind::{ENTERED_IN_ERROR, INTERPRETATIONS, Kind};
use super::view::EntryView;
use crate::fields::{self, Rule};

/// An entry as sent. Absent, null and empty are the same for what may be absent; what the kind has no place for is refused.
#[derive(Clone, Default, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct EntryInput {
    /// What it is about; fixed once entered.
    #[deserr(default)]
    #[schema(value_type = Kind)]
    pub kind: Option<String>,
    /// What exactly. A NOTE needs none.
    #[deserr(default)]
    pub code: Option<CodeInput>,
    /// One of FHIR R4's for the kind, in capitals; the usual one when absent. `ENTERED_IN_ERROR` takes the entry out, for
    /// good.
    #[deserr(default)]
    pub status: Option<String>,
    /// `YYYY-MM-DD`, or as much of it as is known: `YYYY-MM`, `YYYY`. Not ahead, but for a medicine INTENDED and a procedure
    /// in PREPARATION.
    #[deserr(default)]
    pub effective_date: Option<String>,
    /// OBSERVATION: the result; MEDICATION, IMMUNIZATION: the dose; FAMILY_HISTORY: which relative, and required. Text, or a
    /// number, which is kept as its decimal text.
    #[deserr(default)]
    #[schema(value_type = Option<String>, max_length = 500)]
    pub value: Option<ValueText>,
    /// Of the value, best in UCUM (`mg/dL`); not of a FAMILY_HISTORY.
    #[deserr(default)]
    #[schema(max_length = 40)]
    pub unit: Option<String>,
    /// CONDITION: MILD, MODERATE, SEVERE; ALLERGY: these of a reaction, or LOW, HIGH, UNABLE_TO_ASSESS.
    #[deserr(default)]
    pub severity: Option<String>,
    /// OBSERVATION: HL7's flag, as `H`.
    #[deserr(default)]
    pub interpretation: Option<String>,
    /// OBSERVATION: what is normal, as `70-110`.
    #[deserr(default)]
    #[schema(max_length = 100)]
    pub reference_range: Option<String>,
    /// Free text; required of a NOTE.
    #[deserr(default)]
    #[schema(max_length = 4000)]
    pub note: Option<String>,
}

/// A value as text, whether it was sent as text or as a number.
#[derive(Clone)]
pub struct ValueText(pub String);

impl Deserr<Faults> for ValueText {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, at: ValuePointerRef<'_>) -> Result<Self, Faults> {
        match value {
            Value::String(text) => Ok(Self(text)),
            Value::Integer(number) => Ok(Self(number.to_string())),
            Value::NegativeInteger(number) => Ok(Self(number.to_string())),
            Value::Float(number) => Ok(Self(number.to_string())),
            other => {
                let accepted = &[ValueKind::String, ValueKind::Float];
                let kind = ErrorKind::IncorrectValueKind { actual: other, accepted };
                Err(deserr::take_cf_content(Faults::error(None, kind, at)))
            }
        }
    }
}

/// Fields that a PATCH may send back as they were read.
const READ_ONLY: [&str; 7] = ["id", "patient", "kind", "source", "version", "created_at", "updated_at"];

/// What an entry says after a merge patch.
///
/// # Errors
/// 400 with every fault.
pub fn amended(entry: &Entry, patch: &Json, today: NaiveDate) -> Result<Content, Problem> {
    let mut base = serde_json::to_value(EntryView::from(entry.clone())).map_err(Problem::internal)?;
    let mut patch = patch.clone();
    let mut faults = Faults::new();
    for field in READ_ONLY {
        let sent = patch.as_object_mut().and_then(|patch| patch.remove(field));
        if sent.is_some_and(|sent| Some(&sent) != base.get(field)) {
            faults.push(field, "read_only", "cannot be changed");
        }
        if let Some(base) = base.as_object_mut().filter(|_| field != "kind") {
            base.remove(field);
        }
    }
    let merged = merge_patch::apply(&base, &patch)?;
    let content = match strict_json::parse::<EntryInput>(merged) {
        Ok(input) => input.check(today).map_err(|more| more.0),
        Err(problem) => Err(problem.faults().to_vec()),
    };
    faults.0.extend(content.as_ref().err().into_iter().flatten().cloned());
    faults.check()?;
    content.map_err(|more| Problem::bad_request(Faults(more)))
}

impl EntryInput {
    /// What a new entry says.
    ///
    /// # Errors
    /// As [`check`](Self::check); and nothing new is entered in error.
    pub fn for_new(self, today: NaiveDate) -> Result<Content, Faults> {
        let in_error = self.status.as_deref().map(str::trim) == Some(ENTERED_IN_ERROR);
        match (self.check(today), in_error) {
            (Ok(_), true) => {
                let fault = Fault::new("entered_in_error", "cannot be that of a new entry");
                Err(Faults(vec![fault.at("status")]))
            }
            (checked, _) => checked,
        }
    }

    /// The content in canonical form.
    ///
    /// # Errors
    /// Every fault: of each field, and of what the kind has no place for.
    pub fn check(self, today: NaiveDate) -> Result<Content, Faults> {
        let mut faults = Faults::new();
        let kind = kind_of(self.kind.as_deref(), &mut faults);
        let code = self.code.map_or_else(Code::default, |code| code.check(&mut faults));
        let mut text = Texts(&mut faults);
        let value = text.read::<LineOf<500>>("value", self.value.map(|value| value.0));
        let unit = text.read::<LineOf<40>>("unit", self.unit).map(Phi::into_inner);
        let reference_range = text.read::<LineOf<100>>("reference_range", self.reference_range);
        let note = text.read::<Note>("note", self.note);
        let effective_date = text.given("effective_date", self.effective_date, partial_date);
        let (status, severity, interpretation) =
            (given(self.status), given(self.severity), given(self.interpretation).map(|flag| flag.to_uppercase()));
        if unit.is_some() && value.is_none() {
            faults.push("unit", "without_value", "needs a value");
        }
        let Some(kind) = kind else { return Err(faults) };

        let refused = [
            ("value", value.is_some() && !kind.has_value()),
            ("unit", unit.is_some() && !kind.has_unit()),
            ("interpretation", interpretation.is_some() && kind != Kind::Observation),
            ("reference_range", reference_range.is_some() && kind != Kind::Observation),
            ("severity", severity.is_some() && kind.severities().is_empty()),
        ];
        for (field, _) in refused.into_iter().filter(|(_, refused)| *refused) {
            faults.push(field, "not_of_this_kind", format!("has no place in an entry of kind {}", kind.as_str()));
        }
        let status = status.unwrap_or_else(|| kind.statuses().first().copied().unwrap_or_default().to_owned());
        if status != ENTERED_IN_ERROR {
            one_of("status", Some(&status), kind.statuses(), &mut faults);
        }
        if !kind.severities().is_empty() {
            one_of("severity", severity.as_deref(), kind.severities(), &mut faults);
        }
        one_of("interpretation", interpretation.as_deref(), &INTERPRETATIONS, &mut faults);
        let nothing = code.code.is_none() && code.display.is_none();
        let missing = [
            ("code", kind != Kind::Note && nothing && !faults.0.iter().any(|fault| fault.field.starts_with("code"))),
            ("note", kind == Kind::Note && note.is_none() && !named(&faults, "note")),
            ("value", kind == Kind::FamilyHistory && value.is_none() && !named(&faults, "value")),
        ];
        for (field, _) in missing.into_iter().filter(|(_, missing)| *missing) {
            faults.push(field, "required", format!("is required of an entry of kind {}", kind.as_str()));
        }
        if let Some(date) = &effective_date {
            check_time(date, today, kind.may_lie_ahead(&status), &mut faults);
        }
        if !faults.0.is_empty() {
            return Err(faults);
        }
        let Code { system: code_system, code, display } = code;
        Ok(Content {
            kind,
            code_system,
            code,
            display,
            status,
            effective_date,
            value,
            unit,
            severity,
            interpretation,
            reference_range,
            note,
        })
    }
}

/// Reads texts that may be absent; notes their faults.
struct Texts<'a>(&'a mut Faults);

impl Texts<'_> {
    fn read<R: Rule>(&mut self, field: &str, text: Option<String>) -> Option<Phi<String>> {
        fields::optional::<R>(text).unwrap_or_else(|fault| self.note(field, fault))
    }

    fn given<T>(&mut self, field: &str, text: Option<String>, rule: fn(&str) -> Result<T, Fault>) -> Option<T> {
        given(text).map(|text| rule(&text)).transpose().unwrap_or_else(|fault| self.note(field, fault))
    }

    fn note<T>(&mut self, field: &str, fault: Fault) -> Option<T> {
        self.0.0.push(fault.at(field));
        None
    }
}

struct LineOf<const MAX: usize>;

impl<const MAX: usize> Rule for LineOf<MAX> {
    fn canonical(line: &str) -> Result<String, Fault> {
        text::line(line, MAX)
    }
}

struct Note;

impl Rule for Note {
    fn canonical(note: &str) -> Result<String, Fault> {
        text::paragraph(note, 4000)
    }
}

fn given(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn named(faults: &Faults, field: &str) -> bool {
    faults.0.iter().any(|fault| fault.field == field)
}

fn kind_of(text: Option<&str>, faults: &mut Faults) -> Option<Kind> {
    match text.map(str::parse::<Kind>) {
        Some(Ok(kind)) => return Some(kind),
        Some(Err(fault)) => faults.0.push(fault.at("kind")),
        None => faults.push("kind", "required", "is required"),
    }
    None
}

fn one_of(field: &str, word: Option<&str>, words: &[&str], faults: &mut Faults) {
    if word.is_some_and(|word| !words.contains(&word)) {
        faults.push(field, "unknown_value", format!("must be one of {}", words.join(", ")));
    }
}

/// A day, a month or a year that exists, as FHIR writes it.
fn partial_date(text: &str) -> Result<String, Fault> {
    let shaped =
        text.bytes().enumerate().all(|(at, b)| if at == 4 || at == 7 { b == b'-' } else { b.is_ascii_digit() });
    let whole = match text.len() {
        4 => format!("{text}-01-01"),
        7 => format!("{text}-01"),
        _ => text.to_owned(),
    };
    let day = NaiveDate::parse_from_str(&whole, "%Y-%m-%d").ok().filter(|_| shaped && whole.len() == 10);
    let day =
        day.ok_or_else(|| Fault::new("invalid_date", "must be a date that exists: YYYY-MM-DD, YYYY-MM or YYYY"))?;
    if day.year() < 1875 {
        return Err(Fault::new("out_of_range", "must not lie before 1875"));
    }
    Ok(text.to_owned())
}

fn check_time(date: &str, today: NaiveDate, may_lie_ahead: bool, faults: &mut Faults) {
    let last = if may_lie_ahead { today.checked_add_months(Months::new(24)).unwrap_or(today) } else { today };
    let last = last.to_string();
    // A month or a year has begun when the text of the day's beginning is not below it.
    if last.get(..date.len()).is_some_and(|last| date > last) {
        faults.push(
            "effective_date",
            "in_the_future",
            if may_lie_ahead { "must not lie more than two years ahead" } else { "must not lie in the future" },
        );
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(value: Json) -> Result<Content, Vec<String>> {
        let today = NaiveDate::from_ymd_opt(2026, 11, 23).unwrap();
        let input = strict_json::parse::<EntryInput>(value).map_err(|problem| fields_of(problem.faults()))?;
        input.check(today).map_err(|faults| fields_of(&faults.0))
    }

    fn faults(checked: Result<Content, Vec<String>>) -> Vec<String> {
        checked.err().unwrap()
    }

    fn fields_of(faults: &[Fault]) -> Vec<String> {
        faults.iter().map(|fault| fault.field.clone()).collect()
    }

    #[test]
    fn every_kind_has_its_usual_status_and_takes_each_of_its_own() {
        for kind in Kind::ALL {
            let mut entry = json!({"kind": kind.as_str(), "code": {"display": "x"}, "note": "x"});
            if *kind == Kind::FamilyHistory {
                entry["value"] = json!("Mother");
            }
            assert_eq!(check(entry.clone()).unwrap().status, kind.statuses()[0]);
            for status in kind.statuses().iter().chain([&ENTERED_IN_ERROR]) {
                entry["status"] = json!(status);
                assert!(check(entry.clone()).is_ok(), "{} {status}", kind.as_str());
            }
            for status in ["active", "DEAD", "ENTERED-IN-ERROR"] {
                entry["status"] = json!(status);
                assert_eq!(faults(check(entry.clone())), ["status"]);
            }
        }
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let checked =
            check(json!({"kind": "PROCEDURE", "code": {"system": "LOINC", "code": "1-1", "display": "<b>x</b>"},
            "status": "FINAL", "effective_date": "2026-11-24", "value": "7", "unit": "mg", "severity": "MILD",
            "interpretation": "??", "reference_range": "1", "note": "Aadhaar 2341 2341 2346"}));
        let mut fields = faults(checked);
        fields.sort();
        fields.dedup();
        assert_eq!(
            fields,
            [
                "code.code",
                "code.display",
                "effective_date",
                "interpretation",
                "note",
                "reference_range",
                "severity",
                "status",
                "unit",
                "value"
            ]
        );
        assert_eq!(faults(check(json!({}))), ["kind"]);
        assert_eq!(faults(check(json!({"kind": "CONDITION"}))), ["code"]);
        assert_eq!(faults(check(json!({"kind": "NOTE"}))), ["note"]);
        assert_eq!(faults(check(json!({"kind": "FAMILY_HISTORY", "code": {"display": "Diabetes"}}))), ["value"]);
    }

    #[test]
    fn dates_as_exact_as_they_are_known() {
        let dated = |date: &str| check(json!({"kind": "NOTE", "note": "x", "effective_date": date}));
        for date in ["2026-11-23", "2026-11", "2026", "1875", "2024-02-29"] {
            assert_eq!(dated(date).unwrap().effective_date.as_deref(), Some(date));
        }
        for date in [
            "2026-11-24",
            "2026-12",
            "2027",
            "1874",
            "2023-02-29",
            "2026-1-1",
            "2026-13",
            "26",
            "20261123",
            "2026-11-23T00:00:00Z",
            "+2026",
            "२०२६",
            "9999-12-31",
        ] {
            assert_eq!(faults(dated(date)), ["effective_date"], "{date}");
        }
        let ahead = |status: &str, date: &str| {
            check(json!({"kind": "MEDICATION", "code": {"display": "x"}, "status": status, "effective_date": date}))
        };
        assert!(ahead("INTENDED", "2026-12-01").is_ok());
        assert!(ahead("ACTIVE", "2026-12-01").is_err() && ahead("INTENDED", "2029").is_err());
    }

    #[test]
    fn a_value_is_text_or_a_number() {
        let value = |value: Json| {
            let entry = json!({"kind": "OBSERVATION", "code": {"display": "BP"}, "value": value, "unit": "mm[Hg]"});
            check(entry).map(|content| content.value.unwrap().into_inner())
        };
        assert_eq!(value(json!("120/80")).unwrap(), "120/80");
        assert_eq!(value(json!(98.6)).unwrap(), "98.6");
        assert_eq!(value(json!(-3)).unwrap(), "-3");
        assert_eq!(value(json!(true)).unwrap_err(), ["value"]);
        assert_eq!(value(json!(null)).unwrap_err(), ["unit"]);
    }
}
