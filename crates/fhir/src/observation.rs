//! `Observation`, of entries and of the blood group.

use serde::Serialize;

use crate::codes::{self, BLOOD_PRESSURE, BODY_MEASURES, LOINC, SNOMED_CT, VITAL_SIGNS};
use crate::datatypes::{Annotation, CodeableConcept, Coding, Meta, Quantity, Reference, instant};
use crate::frame::{Frame, dated, measured, notes};
use crate::health::EntryRecord;
use crate::naming::Type;
use crate::nrces;
use crate::patient::filled;

const CATEGORIES: &str = "http://terminology.hl7.org/CodeSystem/observation-category";
const FLAGS: &str = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation";

/// The resource.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Observation {
    /// `Observation`
    pub resource_type: &'static str,
    /// The entry's key.
    pub id: String,
    /// Version, time of change, profile.
    pub meta: Meta,
    /// How far the result has come.
    pub status: &'static str,
    /// `vital-signs`, of those.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub category: Vec<CodeableConcept>,
    /// What was observed.
    pub code: CodeableConcept,
    /// In whom.
    pub subject: Reference,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effective_date_time: Option<String>,
    /// When it was entered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issued: Option<String>,
    /// Who entered it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub performer: Vec<Reference>,
    /// The result, where it is a quantity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_quantity: Option<Quantity>,
    /// The result, where it is words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_string: Option<String>,
    /// Laboratories' flags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub interpretation: Vec<CodeableConcept>,
    /// Free text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub note: Vec<Annotation>,
    /// What is normal.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reference_range: Vec<Range>,
    /// The two values of a blood pressure.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub component: Vec<Component>,
}

/// `Observation.referenceRange`
#[derive(Clone, Serialize)]
pub struct Range {
    /// In words, as laboratories send it.
    pub text: String,
}

/// `Observation.component`
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Component {
    /// What was observed.
    pub code: CodeableConcept,
    /// The result.
    pub value_quantity: Quantity,
}

/// Whether an entry is about the body's state or measures.
pub fn is_of_the_body(entry: &EntryRecord<'_>) -> bool {
    codes::is_loinc_of(entry, &VITAL_SIGNS) || codes::is_loinc_of(entry, &BODY_MEASURES)
}

/// The resource that says what the entry says.
pub fn observation(frame: &Frame<'_>, entry: &EntryRecord<'_>) -> Observation {
    const WORDS: [&str; 8] =
        ["unknown", "final", "registered", "preliminary", "amended", "corrected", "cancelled", "entered-in-error"];
    let code = codes::concept(entry).unwrap_or_else(|| CodeableConcept::said("Not recorded"));
    let fits = codes::is_of(&code, &[LOINC, SNOMED_CT]);
    let component = pressures(entry);
    let value_quantity =
        entry.value.filter(|_| component.is_empty()).and_then(|value| codes::quantity(value, entry.unit));
    let in_words = component.is_empty() && value_quantity.is_none();
    let effective_date_time = dated(entry);
    // Base R4 asks of a vital sign that it says when.
    let is_vital = is_of_the_body(entry) && effective_date_time.is_some();
    Observation {
        resource_type: Type::Observation.as_str(),
        id: frame.id(Type::Observation, entry.id),
        meta: Meta::of(entry.version, Some(entry.last_updated), fits.then_some(nrces::OBSERVATION_PROFILE)),
        status: codes::status(entry.status, &WORDS),
        category: is_vital.then(vital_signs).into_iter().collect(),
        code,
        subject: frame.subject(),
        effective_date_time,
        issued: Some(instant(entry.recorded)),
        performer: frame.practitioner(entry.author).into_iter().collect(),
        value_quantity,
        value_string: measured(entry).filter(|_| in_words),
        interpretation: entry.interpretation.and_then(filled).map(flag).into_iter().collect(),
        note: notes(entry),
        reference_range: entry.reference_range.and_then(filled).map(|text| Range { text }).into_iter().collect(),
        component,
    }
}

/// The key of the blood group's observation, which is no entry.
pub fn blood_group_key(patient: &str) -> String {
    format!("blood-group-{patient}")
}

/// The blood group, which is kept with the demographics.
pub fn blood_group(frame: &Frame<'_>, group: &str) -> Observation {
    Observation {
        resource_type: Type::Observation.as_str(),
        id: frame.id(Type::Observation, blood_group_key(frame.patient)),
        meta: Meta { profile: vec![nrces::OBSERVATION_PROFILE.to_owned()], ..Meta::default() },
        status: "final",
        category: Vec::new(),
        code: CodeableConcept::of([Coding::fixed(LOINC, "882-1", "ABO and Rh group [Type] in Blood")]),
        subject: frame.subject(),
        effective_date_time: None,
        issued: None,
        performer: Vec::new(),
        value_quantity: None,
        value_string: Some(group.to_owned()),
        interpretation: Vec::new(),
        note: Vec::new(),
        reference_range: Vec::new(),
        component: Vec::new(),
    }
}

/// `120/80` of a blood pressure: systolic and diastolic.
fn pressures(entry: &EntryRecord<'_>) -> Vec<Component> {
    let both =
        entry.value.filter(|_| codes::is_loinc_of(entry, &BLOOD_PRESSURE)).and_then(|value| value.split_once('/'));
    let Some((systolic, diastolic)) = both else { return Vec::new() };
    let parts = [("8480-6", "Systolic blood pressure", systolic), ("8462-4", "Diastolic blood pressure", diastolic)];
    let component = |(code, display, value)| {
        let value_quantity = codes::quantity(value, entry.unit.or(Some("mm[Hg]")))?;
        Some(Component { code: CodeableConcept::of([Coding::fixed(LOINC, code, display)]), value_quantity })
    };
    // One that cannot be read leaves both to words.
    parts.into_iter().map(component).collect::<Option<Vec<_>>>().unwrap_or_default()
}

fn vital_signs() -> CodeableConcept {
    CodeableConcept::of([Coding::fixed(CATEGORIES, "vital-signs", "Vital Signs")])
}

fn flag(code: String) -> CodeableConcept {
    let display = match code.as_str() {
        "N" => "Normal",
        "L" => "Low",
        "H" => "High",
        "LL" => "Critical low",
        "HH" => "Critical high",
        "LU" => "Significantly low",
        "HU" => "Significantly high",
        "<" => "Off scale low",
        ">" => "Off scale high",
        "A" => "Abnormal",
        "AA" => "Critical abnormal",
        "EX" => "outside threshold",
        "S" => "Susceptible",
        "I" => "Intermediate",
        "R" => "Resistant",
        "SDD" => "Susceptible-dose dependent",
        "NS" => "Non-susceptible",
        "MS" => "moderately susceptible",
        "VS" => "very susceptible",
        "NCL" => "No CLSI defined breakpoint",
        "IE" => "Insufficient evidence",
        "SYN-R" => "Synergy - resistant",
        "SYN-S" => "Synergy - susceptible",
        "POS" => "Positive",
        "NEG" => "Negative",
        "IND" => "Indeterminate",
        "E" => "Equivocal",
        "DET" => "Detected",
        "ND" => "Not detected",
        "RR" => "Reactive",
        "NR" => "Non-reactive",
        "WR" => "Weakly reactive",
        "EXP" => "Expected",
        "UNE" => "Unexpected",
        "CAR" => "Carrier",
        "U" => "Significant change up",
        "D" => "Significant change down",
        "B" => "Better",
        "W" => "Worse",
        // Of HL7 table 0078 alone: FHIR has given these up.
        "AC" => return CodeableConcept::said("Anti-complementary substances present"),
        "HM" => return CodeableConcept::said("Hold for medical review"),
        "QCF" => return CodeableConcept::said("Quality control failure"),
        "TOX" => return CodeableConcept::said("Cytotoxic substance present"),
        _ => return CodeableConcept::said(code),
    };
    CodeableConcept::of([Coding { system: FLAGS.into(), code: code.into(), display: Some(display.into()) }])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(code: &str) -> (Option<String>, Option<String>) {
        let concept = flag(code.to_owned());
        (concept.coding.first().and_then(|coding| coding.display.as_deref().map(str::to_owned)), concept.text)
    }

    #[test]
    fn a_flag_is_a_code_where_fhir_has_one_and_words_otherwise() {
        for (code, display) in [("NR", "Non-reactive"), ("HU", "Significantly high"), ("SYN-R", "Synergy - resistant")]
        {
            assert_eq!(shown(code), (Some(display.to_owned()), None));
        }
        assert_eq!(shown("TOX"), (None, Some("Cytotoxic substance present".to_owned())));
        assert_eq!(shown("??"), (None, Some("??".to_owned())));
    }
}
