//! What FHIR makes of HL7's codes: the code-system tables of HL7's v2-to-FHIR mapping, as constants.
//!
//! Each table names the file of the mapping it is taken from. A code that a table leaves empty has no counterpart; the
//! message's own code is kept beside the mapped one everywhere.

/// A code with its name.
pub(crate) type Named = (&'static str, &'static str);

/// `PatientClass[EncounterClass]`: HL7 table 0004 to (code, display, system).
const ENCOUNTER_CLASS: &[(&str, &str, &str, &str)] = &[
    ("E", "EMER", "emergency", ACT_CODE),
    ("I", "IMP", "inpatient encounter", ACT_CODE),
    ("O", "AMB", "ambulatory", ACT_CODE),
    ("P", "PRENC", "pre-admission", ACT_CODE),
    ("R", "R", "Recurring patient", TABLE_0004),
    ("B", "B", "Obstetrics", TABLE_0004),
    ("C", "C", "Commercial Account", TABLE_0004),
    ("N", "N", "Not Applicable", TABLE_0004),
    ("U", "U", "Unknown", TABLE_0004),
];
const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
const TABLE_0004: &str = "http://terminology.hl7.org/CodeSystem/v2-0004";

/// (code, display, system) of an encounter's class.
pub(crate) fn encounter_class(code: &str) -> Option<(&'static str, &'static str, &'static str)> {
    ENCOUNTER_CLASS.iter().find(|row| row.0 == code).map(|row| (row.1, row.2, row.3))
}

/// `PatientClass[EncounterStatus]`: HL7 table 0004 to the status of an encounter that has no end.
pub(crate) fn encounter_status(class: &str) -> &'static str {
    match class {
        "E" | "I" | "O" | "R" | "B" | "C" | "N" => "in-progress",
        "P" => "planned",
        _ => "unknown",
    }
}

/// `AllergenType[AllergyIntoleranceCategory]`: HL7 table 0127.
pub(crate) fn allergy_category(code: &str) -> Option<&'static str> {
    match code {
        "DA" => Some("medication"),
        "FA" => Some("food"),
        "EA" | "PA" | "LA" => Some("environment"),
        "AA" => Some("biologic"),
        _ => None,
    }
}

/// `AllergySeverity[AllergyIntolerance.criticality]`: HL7 table 0128. Moderate and unknown have none.
pub(crate) fn allergy_criticality(code: &str) -> Option<&'static str> {
    match code {
        "SV" => Some("high"),
        "MI" => Some("low"),
        _ => None,
    }
}

/// `AllergySeverity[AllergyIntolerance.reaction.severity]`: HL7 table 0128.
pub(crate) fn reaction_severity(code: &str) -> Option<&'static str> {
    match code {
        "SV" => Some("severe"),
        "MO" => Some("moderate"),
        "MI" => Some("mild"),
        _ => None,
    }
}

/// `ObservationResultStatusCodesInterpretation`: HL7 table 0085. What the table leaves empty is `unknown`.
pub(crate) fn observation_status(code: &str) -> &'static str {
    match code {
        "A" => "amended",
        "C" => "corrected",
        "D" | "W" => "entered-in-error",
        "F" => "final",
        "P" => "preliminary",
        "X" => "cancelled",
        _ => "unknown",
    }
}

/// HL7 table 0123, `ResultStatus[Non-Queries]` of the mapping.
pub(crate) fn report_status(code: &str) -> &'static str {
    match code {
        "A" => "partial",
        "C" => "corrected",
        "F" => "final",
        "I" | "O" | "S" => "registered",
        "P" => "preliminary",
        "X" => "cancelled",
        _ => "unknown",
    }
}

/// `InterpretationCodes`: HL7 table 0078, the codes that FHIR's ObservationInterpretation has too.
const INTERPRETATIONS: &[Named] = &[
    ("<", "Off scale low"),
    (">", "Off scale high"),
    ("A", "Abnormal"),
    ("AA", "Critical abnormal"),
    ("B", "Better"),
    ("CAR", "Carrier"),
    ("D", "Significant change down"),
    ("DET", "Detected"),
    ("E", "Equivocal"),
    ("EX", "outside threshold"),
    ("EXP", "Expected"),
    ("H", "High"),
    ("HH", "Critical high"),
    ("HU", "Significantly high"),
    ("I", "Intermediate"),
    ("IE", "Insufficient evidence"),
    ("IND", "Indeterminate"),
    ("L", "Low"),
    ("LL", "Critical low"),
    ("LU", "Significantly low"),
    ("MS", "moderately susceptible"),
    ("N", "Normal"),
    ("NCL", "No CLSI defined breakpoint"),
    ("ND", "Not detected"),
    ("NEG", "Negative"),
    ("NR", "Non-reactive"),
    ("NS", "Non-susceptible"),
    ("POS", "Positive"),
    ("R", "Resistant"),
    ("RR", "Reactive"),
    ("S", "Susceptible"),
    ("SDD", "Susceptible-dose dependent"),
    ("SYN-R", "Synergy - resistant"),
    ("SYN-S", "Synergy - susceptible"),
    ("U", "Significant change up"),
    ("UNE", "Unexpected"),
    ("VS", "very susceptible"),
    ("W", "Worse"),
    ("WR", "Weakly reactive"),
];

/// What an abnormal flag is called.
pub(crate) fn interpretation(code: &str) -> Option<&'static str> {
    INTERPRETATIONS.iter().find(|(known, _)| *known == code).map(|(_, display)| *display)
}

/// HL7 table 0278, `FillerStatusCodes[Appointment]` of the mapping, to the status of a FHIR appointment.
pub(crate) fn appointment_status(code: &str) -> Option<&'static str> {
    match code.to_ascii_lowercase().as_str() {
        "booked" | "overbook" => Some("booked"),
        "pending" => Some("pending"),
        "waitlist" => Some("waitlist"),
        "started" => Some("arrived"),
        "complete" => Some("fulfilled"),
        "cancelled" | "canceled" | "dc" => Some("cancelled"),
        "deleted" => Some("entered-in-error"),
        "noshow" => Some("noshow"),
        _ => None,
    }
}

/// HL7 table 0322, `CompletionStatus` of the mapping.
pub(crate) fn immunization_status(code: &str) -> Option<&'static str> {
    match code {
        "" | "CP" | "PA" => Some("completed"),
        "RE" | "NA" => Some("not-done"),
        _ => None,
    }
}

/// `Relationship`: HL7 table 0063 in words.
const RELATIONSHIPS: &[Named] = &[
    ("SEL", "Self"),
    ("SPO", "Spouse"),
    ("DOM", "Life partner"),
    ("CHD", "Child"),
    ("GCH", "Grandchild"),
    ("NCH", "Child"),
    ("SCH", "Child"),
    ("FCH", "Foster child"),
    ("WRD", "Ward of court"),
    ("SON", "Son"),
    ("DAU", "Daughter"),
    ("PAR", "Parent"),
    ("MTH", "Mother"),
    ("FTH", "Father"),
    ("CGV", "Care giver"),
    ("GRD", "Guardian"),
    ("GRP", "Grandparent"),
    ("EXF", "Extended family"),
    ("SIB", "Sibling"),
    ("BRO", "Brother"),
    ("SIS", "Sister"),
    ("FND", "Friend"),
    ("OAD", "Other adult"),
    ("EMR", "Employer"),
    ("EMC", "Emergency contact"),
    ("OTH", "Other"),
];

/// What a relationship is called.
pub(crate) fn relationship(code: &str) -> Option<&'static str> {
    RELATIONSHIPS.iter().find(|(known, _)| *known == code).map(|(_, words)| *words)
}

/// HL7 table 0396: how messages name coding systems, and the URIs by which FHIR knows them.
const SYSTEMS: &[Named] = &[
    ("LN", "http://loinc.org"),
    ("SCT", "http://snomed.info/sct"),
    ("SNM", "http://snomed.info/sct"),
    ("SNOMED", "http://snomed.info/sct"),
    ("I10", "http://hl7.org/fhir/sid/icd-10"),
    ("ICD10", "http://hl7.org/fhir/sid/icd-10"),
    ("I10C", "http://hl7.org/fhir/sid/icd-10-cm"),
    ("I11", "http://id.who.int/icd/release/11/mms"),
    ("ICD11", "http://id.who.int/icd/release/11/mms"),
    ("I9", "http://hl7.org/fhir/sid/icd-9"),
    ("I9C", "http://hl7.org/fhir/sid/icd-9-cm"),
    ("I9CDX", "http://hl7.org/fhir/sid/icd-9-cm"),
    ("ICDO", "http://terminology.hl7.org/CodeSystem/icd-o"),
    ("UCUM", "http://unitsofmeasure.org"),
    ("RXNORM", "http://www.nlm.nih.gov/research/umls/rxnorm"),
    ("NDC", "http://hl7.org/fhir/sid/ndc"),
    ("CVX", "http://hl7.org/fhir/sid/cvx"),
    ("MVX", "http://hl7.org/fhir/sid/mvx"),
    ("ATC", "http://www.whocc.no/atc"),
    ("WC", "http://www.whocc.no/atc"),
    ("C4", "http://www.ama-assn.org/go/cpt"),
];

/// The URI of a coding system; `HL70004` and `HL7004` are HL7's own tables.
pub(crate) fn system_uri(name: &str) -> Option<String> {
    if name.starts_with("http://") || name.starts_with("https://") || name.starts_with("urn:") {
        return Some(name.to_owned());
    }
    let upper = name.to_ascii_uppercase();
    if let Some((_, uri)) = SYSTEMS.iter().find(|(known, _)| *known == upper) {
        return Some((*uri).to_owned());
    }
    let table = upper.strip_prefix("HL7").filter(|digits| matches!(digits.len(), 3..=4))?;
    let number: u32 = table.bytes().all(|byte| byte.is_ascii_digit()).then(|| table.parse().ok())??;
    Some(format!("http://terminology.hl7.org/CodeSystem/v2-{number:04}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coding_systems_have_their_uris() {
        assert_eq!(system_uri("LN").unwrap(), "http://loinc.org");
        assert_eq!(system_uri("sct").unwrap(), "http://snomed.info/sct");
        assert_eq!(system_uri("HL70078").unwrap(), "http://terminology.hl7.org/CodeSystem/v2-0078");
        assert_eq!(system_uri("HL7nnnn"), None);
        assert_eq!(system_uri("L"), None);
    }

    #[test]
    fn what_a_table_leaves_empty_is_not_made_up() {
        assert_eq!(allergy_criticality("MO"), None);
        assert_eq!(observation_status("S"), "unknown");
        assert_eq!(encounter_class("X"), None);
        assert_eq!(interpretation("OBX"), None);
    }
}
