//! Codes of the systems that resources name, and what a record's words are there.

use std::borrow::Cow;

use serde_json::Number;

use crate::datatypes::{CodeableConcept, Coding, Quantity};
use crate::health::EntryRecord;
use crate::patient::filled;

/// SNOMED CT.
pub const SNOMED_CT: &str = "http://snomed.info/sct";
/// LOINC.
pub const LOINC: &str = "http://loinc.org";
/// ICD-10.
pub const ICD_10: &str = "http://hl7.org/fhir/sid/icd-10";
/// UCUM.
pub const UCUM: &str = "http://unitsofmeasure.org";
/// FHIR's own word for what is not there.
pub const NOT_KNOWN: Coding =
    Coding::fixed("http://terminology.hl7.org/CodeSystem/data-absent-reason", "unknown", "Unknown");

/// What an entry is about: its code and its words. Nothing where it has neither.
pub fn concept(entry: &EntryRecord<'_>) -> Option<CodeableConcept> {
    let display = entry.display.and_then(filled);
    let coding = entry.code_system.and_then(filled).zip(entry.code.and_then(filled)).map(|(system, code)| Coding {
        system: system.into(),
        code: code.into(),
        display: display.clone().map(Cow::Owned),
    });
    let text = display.or_else(|| coding.as_ref().map(|coding| coding.code.clone().into_owned()));
    text.is_some().then(|| CodeableConcept { coding: coding.into_iter().collect(), text })
}

/// Whether all codes of a concept are whole (the guide wants system, code and words) and of these systems.
pub fn is_of(concept: &CodeableConcept, systems: &[&str]) -> bool {
    concept.coding.iter().all(|coding| coding.display.is_some() && systems.contains(&coding.system.as_ref()))
}

/// A status in capitals as the code that it is, where it is one of these; else the first of them.
pub fn status(word: &str, codes: &[&'static str]) -> &'static str {
    let is_it = |code: &&&str| {
        code.len() == word.len()
            && code.chars().zip(word.chars()).all(|(code, c)| match c {
                '_' => code == '-',
                c => c.to_ascii_lowercase() == code,
            })
    };
    codes.iter().find(is_it).or_else(|| codes.first()).copied().unwrap_or("unknown")
}

/// The status of every kind, of what should never have been entered.
pub const ENTERED_IN_ERROR: &str = "ENTERED_IN_ERROR";

/// Units as people write them, and as UCUM has them. UCUM's own spelling is in the second place.
const UNITS: [(&str, &str); 56] = [
    ("%", "%"),
    ("percent", "%"),
    ("mg", "mg"),
    ("milligram", "mg"),
    ("g", "g"),
    ("gm", "g"),
    ("mcg", "ug"),
    ("ug", "ug"),
    ("µg", "ug"),
    ("kg", "kg"),
    ("kgs", "kg"),
    ("lb", "[lb_av]"),
    ("mL", "mL"),
    ("ml", "mL"),
    ("L", "L"),
    ("l", "L"),
    ("cm", "cm"),
    ("m", "m"),
    ("mm", "mm"),
    ("inch", "[in_i]"),
    ("kg/m2", "kg/m2"),
    ("mm[Hg]", "mm[Hg]"),
    ("mmHg", "mm[Hg]"),
    ("mm Hg", "mm[Hg]"),
    ("/min", "/min"),
    ("bpm", "/min"),
    ("beats/min", "/min"),
    ("breaths/min", "/min"),
    ("Cel", "Cel"),
    ("°C", "Cel"),
    ("C", "Cel"),
    ("[degF]", "[degF]"),
    ("°F", "[degF]"),
    ("F", "[degF]"),
    ("mg/dL", "mg/dL"),
    ("mg/dl", "mg/dL"),
    ("g/dL", "g/dL"),
    ("g/dl", "g/dL"),
    ("gm/dl", "g/dL"),
    ("g/L", "g/L"),
    ("mmol/L", "mmol/L"),
    ("umol/L", "umol/L"),
    ("meq/L", "meq/L"),
    ("mEq/L", "meq/L"),
    ("U/L", "U/L"),
    ("IU/L", "[IU]/L"),
    ("[IU]/L", "[IU]/L"),
    ("IU", "[IU]"),
    ("ng/mL", "ng/mL"),
    ("ng/dL", "ng/dL"),
    ("pg/mL", "pg/mL"),
    ("10*3/uL", "10*3/uL"),
    ("10*6/uL", "10*6/uL"),
    ("/uL", "/uL"),
    ("fL", "fL"),
    ("pg", "pg"),
];

/// A value that is a number, with or without a bound, and its unit. Nothing where it is none, or one that JSON's numbers
/// would change.
pub fn quantity(value: &str, unit: Option<&str>) -> Option<Quantity> {
    let value = value.trim();
    let bound = ["<=", ">=", "<", ">"].into_iter().find_map(|bound| Some((bound, value.strip_prefix(bound)?)));
    let (comparator, digits) = bound.map_or((None, value), |(bound, rest)| (Some(bound), rest.trim()));
    let unit = unit.and_then(filled);
    let code =
        unit.as_deref().and_then(|unit| UNITS.iter().find(|(written, _)| *written == unit)).map(|(_, ucum)| *ucum);
    Some(Quantity { value: number(digits)?, comparator, system: code.map(|_| UCUM), code, unit })
}

/// A decimal that is the same number in JSON as in the text.
pub fn number(digits: &str) -> Option<Number> {
    let unsigned = digits.strip_prefix('-').unwrap_or(digits);
    let shaped = unsigned.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && unsigned.starts_with(|c: char| c.is_ascii_digit())
        && unsigned.ends_with(|c: char| c.is_ascii_digit());
    if !shaped || digits.len() > 18 {
        return None;
    }
    if !digits.contains('.') {
        return digits.parse::<i64>().ok().map(Number::from);
    }
    let value: f64 = digits.parse().ok()?;
    let plain = digits.trim_end_matches('0').trim_end_matches('.');
    (value.to_string() == plain).then(|| Number::from_f64(value)).flatten()
}

/// The relatives that have a code (HL7 v3 `RoleCode`).
pub fn relationship(said: &str) -> CodeableConcept {
    const ROLES: &str = "http://terminology.hl7.org/CodeSystem/v3-RoleCode";
    const KNOWN: [(&str, &str, &[&str]); 19] = [
        ("MTH", "mother", &["mother", "mum", "amma"]),
        ("FTH", "father", &["father", "dad", "appa"]),
        ("SIS", "sister", &["sister"]),
        ("BRO", "brother", &["brother"]),
        ("SIB", "sibling", &["sibling"]),
        ("SON", "natural son", &["son"]),
        ("DAU", "natural daughter", &["daughter"]),
        ("CHILD", "child", &["child"]),
        ("GRMTH", "grandmother", &["grandmother"]),
        ("GRFTH", "grandfather", &["grandfather"]),
        ("MGRMTH", "maternal grandmother", &["maternal grandmother"]),
        ("MGRFTH", "maternal grandfather", &["maternal grandfather"]),
        ("PGRMTH", "paternal grandmother", &["paternal grandmother"]),
        ("PGRFTH", "paternal grandfather", &["paternal grandfather"]),
        ("AUNT", "aunt", &["aunt"]),
        ("UNCLE", "uncle", &["uncle"]),
        ("COUSN", "cousin", &["cousin"]),
        ("HUSB", "husband", &["husband"]),
        ("WIFE", "wife", &["wife"]),
    ];
    let lower = said.trim().to_lowercase();
    let known = KNOWN.iter().find(|(code, _, names)| names.contains(&lower.as_str()) || said.trim() == *code);
    let coding = known.map(|(code, display, _)| Coding::fixed(ROLES, code, display));
    CodeableConcept { coding: coding.into_iter().collect(), text: filled(said) }
}

/// Observations of the body's state, by LOINC, as FHIR's vital signs have them.
pub const VITAL_SIGNS: [&str; 10] =
    ["85353-1", "85354-9", "55284-4", "8480-6", "8462-4", "8867-4", "9279-1", "8310-5", "2708-6", "59408-5"];
/// Measures of the body, by LOINC.
pub const BODY_MEASURES: [&str; 6] = ["8302-2", "29463-7", "3141-9", "39156-5", "9843-4", "8280-0"];
/// Blood pressure as one value of two.
pub const BLOOD_PRESSURE: [&str; 2] = ["85354-9", "55284-4"];

/// Whether an entry's code is one of these of LOINC.
pub fn is_loinc_of(entry: &EntryRecord<'_>, codes: &[&str]) -> bool {
    entry.code_system == Some(LOINC) && entry.code.is_some_and(|code| codes.contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_what_they_are() {
        for (text, json) in
            [("98.6", "98.6"), ("98.60", "98.6"), ("0.5", "0.5"), ("12", "12"), ("-3", "-3"), ("007", "7")]
        {
            assert_eq!(number(text).unwrap().to_string(), json, "{text}");
        }
        for text in ["", "-", ".", "1.", ".5", "1e3", "1,5", "NaN", "٣", "1.2.3", "0.12345678901234567", "+1", "1 2"] {
            assert!(number(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_quantity_knows_bound_and_unit() {
        let known = quantity("<= 5.5", Some("mg/dl")).unwrap();
        assert_eq!((known.comparator, known.code, known.unit.as_deref()), (Some("<="), Some("mg/dL"), Some("mg/dl")));
        let unknown = quantity("3", Some("drops")).unwrap();
        assert_eq!((unknown.system, unknown.code, unknown.unit.as_deref()), (None, None, Some("drops")));
        assert!(quantity("120/80", Some("mmHg")).is_none());
        assert!(quantity("positive", None).is_none());
    }

    #[test]
    fn statuses_are_codes_of_their_list() {
        let codes = ["active", "on-hold", "entered-in-error"];
        assert_eq!(status("ON_HOLD", &codes), "on-hold");
        assert_eq!(status("ENTERED_IN_ERROR", &codes), "entered-in-error");
        assert_eq!(status("सक्रिय", &codes), "active");
        assert_eq!(status("", &codes), "active");
    }

    #[test]
    fn relatives_are_known_by_name() {
        assert_eq!(relationship("Mother").coding.first().unwrap().code, "MTH");
        assert_eq!(relationship(" Maternal Grandmother ").text.as_deref(), Some("Maternal Grandmother"));
        assert!(relationship("neighbour's aunt").coding.is_empty());
    }
}
