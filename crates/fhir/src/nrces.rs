//! The Indian guide (NRCeS, `ndhm.in`): its names for things, and its rules as a check.

use serde_json::Value;

use crate::datatypes::Coding;

/// The profile that every `Patient` keeps to.
pub const PATIENT_PROFILE: &str = "https://nrces.in/ndhm/fhir/r4/StructureDefinition/Patient";
/// The profile of `Condition`.
pub const CONDITION_PROFILE: &str = "https://nrces.in/ndhm/fhir/r4/StructureDefinition/Condition";
/// The profile of `AllergyIntolerance`.
pub const ALLERGY_PROFILE: &str = "https://nrces.in/ndhm/fhir/r4/StructureDefinition/AllergyIntolerance";
/// The profile of `MedicationStatement`.
pub const MEDICATION_STATEMENT_PROFILE: &str = "https://nrces.in/ndhm/fhir/r4/StructureDefinition/MedicationStatement";
/// The profile of `MedicationRequest`.
pub const MEDICATION_REQUEST_PROFILE: &str = "https://nrces.in/ndhm/fhir/r4/StructureDefinition/MedicationRequest";
/// The profile of `Observation`.
pub const OBSERVATION_PROFILE: &str = "https://nrces.in/ndhm/fhir/r4/StructureDefinition/Observation";
/// The profile of `Procedure`.
pub const PROCEDURE_PROFILE: &str = "https://nrces.in/ndhm/fhir/r4/StructureDefinition/Procedure";
/// The profile of `Immunization`.
pub const IMMUNIZATION_PROFILE: &str = "https://nrces.in/ndhm/fhir/r4/StructureDefinition/Immunization";
/// The profile of `FamilyMemberHistory`.
pub const FAMILY_HISTORY_PROFILE: &str = "https://nrces.in/ndhm/fhir/r4/StructureDefinition/FamilyMemberHistory";
/// The profile of `DocumentReference`, which has the content in it.
pub const DOCUMENT_REFERENCE_PROFILE: &str = "https://nrces.in/ndhm/fhir/r4/StructureDefinition/DocumentReference";
/// The profile of a laboratory's `DiagnosticReport`.
pub const DIAGNOSTIC_REPORT_LAB_PROFILE: &str = "https://nrces.in/ndhm/fhir/r4/StructureDefinition/DiagnosticReportLab";
/// The profile of `Appointment`.
pub const APPOINTMENT_PROFILE: &str = "https://nrces.in/ndhm/fhir/r4/StructureDefinition/Appointment";
/// The profile of `Encounter`.
pub const ENCOUNTER_PROFILE: &str = "https://nrces.in/ndhm/fhir/r4/StructureDefinition/Encounter";
/// The profile of `Practitioner`.
pub const PRACTITIONER_PROFILE: &str = "https://nrces.in/ndhm/fhir/r4/StructureDefinition/Practitioner";
/// The profile of `Organization`.
pub const ORGANIZATION_PROFILE: &str = "https://nrces.in/ndhm/fhir/r4/StructureDefinition/Organization";
/// The profile of a document's `Bundle`.
pub const DOCUMENT_PROFILE: &str = "https://nrces.in/ndhm/fhir/r4/StructureDefinition/DocumentBundle";
/// Whose numbers ABHA numbers and addresses are, as in the guide's examples.
pub const ABHA_SYSTEM: &str = "https://healthid.ndhm.gov.in";
/// BCP 47.
pub const LANGUAGE_SYSTEM: &str = "urn:ietf:bcp:47";

const IDENTIFIER_TYPES: &str = "https://nrces.in/ndhm/fhir/r4/CodeSystem/ndhm-identifier-type-code";
const V2_IDENTIFIER_TYPES: &str = "http://terminology.hl7.org/CodeSystem/v2-0203";
const V2_CONTACT_ROLES: &str = "http://terminology.hl7.org/CodeSystem/v2-0131";

/// The identifier type of a hospital's number.
pub const MEDICAL_RECORD: Coding = Coding::fixed(V2_IDENTIFIER_TYPES, "MR", "Medical record number");
/// The identifier type of an ABHA number.
pub const ABHA_NUMBER: Coding = Coding::fixed(IDENTIFIER_TYPES, "HIN", "Health ID issued by NDHM");
/// The identifier type of an ABHA address.
pub const ABHA_ADDRESS: Coding = Coding::fixed(IDENTIFIER_TYPES, "ABHA", "Ayushman Bharat Health Account (ABHA) ID");
/// The identifier type of an employer's number.
pub const EMPLOYEE: Coding = Coding::fixed(V2_IDENTIFIER_TYPES, "EI", "Employee number");
/// The identifier type of a provider's number.
pub const PROVIDER: Coding = Coding::fixed(V2_IDENTIFIER_TYPES, "PRN", "Provider number");
/// The identifier type of what an organization is known by.
pub const ORGANIZATION: Coding = Coding::fixed(V2_IDENTIFIER_TYPES, "XX", "Organization identifier");
/// Whose numbers those of the staff are.
pub const EMPLOYEE_SYSTEM: &str = "urn:ehs:user";
/// The national Health Facility Registry, as in the guide's examples.
pub const FACILITY_SYSTEM: &str = "https://facility.ndhm.gov.in";
/// Identifiers that are URIs.
pub const URI_SYSTEM: &str = "urn:ietf:rfc:3986";
/// The relationship of somebody to call in an emergency.
pub const EMERGENCY_CONTACT: Coding = Coding::fixed(V2_CONTACT_ROLES, "C", "Emergency Contact");

/// The languages of the Eighth Schedule, and English: BCP 47, ISO 639-2 or -3, English name.
pub const LANGUAGES: [(&str, &str, &str); 23] = [
    ("as", "asm", "Assamese"),
    ("bn", "ben", "Bengali"),
    ("brx", "brx", "Bodo"),
    ("doi", "doi", "Dogri"),
    ("en", "eng", "English"),
    ("gu", "guj", "Gujarati"),
    ("hi", "hin", "Hindi"),
    ("kn", "kan", "Kannada"),
    ("ks", "kas", "Kashmiri"),
    ("kok", "kok", "Konkani"),
    ("mai", "mai", "Maithili"),
    ("ml", "mal", "Malayalam"),
    ("mni", "mni", "Manipuri"),
    ("mr", "mar", "Marathi"),
    ("ne", "nep", "Nepali"),
    ("or", "ori", "Odia"),
    ("pa", "pan", "Punjabi"),
    ("sa", "san", "Sanskrit"),
    ("sat", "sat", "Santali"),
    ("sd", "snd", "Sindhi"),
    ("ta", "tam", "Tamil"),
    ("te", "tel", "Telugu"),
    ("ur", "urd", "Urdu"),
];

/// A rule that a resource breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// Where: `Patient.identifier[0].type.coding`.
    pub path: String,
    /// The rule.
    pub rule: &'static str,
}

/// The rules of R4 and of the profile that a written `Patient` breaks; none where it is as it should be.
pub fn patient_breaches(patient: &Value) -> Vec<Breach> {
    let mut breaches = Breaches::of_resource("Patient", patient);
    breaches.unless(text(patient, "resourceType") == Some("Patient"), "Patient.resourceType", "is Patient");
    let profiled = list(&patient["meta"], "profile").any(|(_, profile)| profile.as_str() == Some(PATIENT_PROFILE));
    breaches.unless(profiled, "Patient.meta.profile", "names the NRCeS profile");
    breaches.unless(list(patient, "identifier").count() > 0, "Patient.identifier", "is there");
    for (place, identifier) in list(patient, "identifier") {
        breaches.identifier(&format!("Patient.identifier[{place}]"), identifier);
    }
    for (place, name) in list(patient, "name") {
        breaches.unless(text(name, "text").is_some(), &format!("Patient.name[{place}].text"), "is there");
    }
    for (place, telecom) in list(patient, "telecom") {
        let path = format!("Patient.telecom[{place}]");
        breaches.unless(text(telecom, "value").is_some(), &format!("{path}.value"), "is there");
        let system = text(telecom, "system");
        breaches.unless(matches!(system, Some("phone" | "email")), &format!("{path}.system"), "is there with a value");
    }
    let gender = text(patient, "gender").is_none_or(|code| ["male", "female", "other", "unknown"].contains(&code));
    breaches.unless(gender, "Patient.gender", "is of administrative-gender");
    let born = text(patient, "birthDate").is_none_or(is_date);
    breaches.unless(born, "Patient.birthDate", "is YYYY, YYYY-MM or YYYY-MM-DD");
    let deceased = patient["deceasedBoolean"].is_null() || patient["deceasedDateTime"].is_null();
    breaches.unless(deceased, "Patient.deceased[x]", "is one of boolean and dateTime");
    for (place, contact) in list(patient, "contact") {
        let any = ["name", "telecom", "address", "organization"].iter().any(|part| !contact[*part].is_null());
        breaches.unless(any, &format!("Patient.contact[{place}]"), "pat-1: has details or an organization");
    }
    for (place, communication) in list(patient, "communication") {
        let path = format!("Patient.communication[{place}].language");
        breaches.unless(communication["language"].is_object(), &path, "is there");
    }
    breaches.0
}

/// Rules found broken, one after the other.
#[derive(Default)]
pub(crate) struct Breaches(Vec<Breach>);

impl Breaches {
    /// What any resource can break: nothing is empty, and an id is one.
    pub(crate) fn of_resource(kind: &str, resource: &Value) -> Self {
        let mut breaches = Self::default();
        breaches.no_empty_values(kind, resource);
        let id = text(resource, "id");
        let may_lack = kind == "Bundle" && id.is_none();
        breaches.unless(may_lack || id_is_valid(id), &format!("{kind}.id"), "is 1 to 64 letters, digits, - and .");
        breaches
    }

    pub(crate) fn into_inner(self) -> Vec<Breach> {
        self.0
    }

    pub(crate) fn extend(&mut self, more: Vec<Breach>) {
        self.0.extend(more);
    }

    pub(crate) fn unless(&mut self, kept: bool, path: &str, rule: &'static str) {
        if !kept {
            self.0.push(Breach { path: path.to_owned(), rule });
        }
    }

    fn identifier(&mut self, path: &str, identifier: &Value) {
        self.unless(text(identifier, "value").is_some(), &format!("{path}.value"), "is there");
        let coding = &identifier["type"];
        self.unless(list(coding, "coding").count() > 0, &format!("{path}.type.coding"), "is there");
        for (place, coding) in list(coding, "coding") {
            for part in ["system", "code", "display"] {
                self.unless(text(coding, part).is_some(), &format!("{path}.type.coding[{place}].{part}"), "is there");
            }
        }
    }

    fn no_empty_values(&mut self, path: &str, value: &Value) {
        match value {
            Value::Null => self.unless(false, path, "is left out where it is empty"),
            Value::String(text) => self.unless(!text.trim().is_empty(), path, "is left out where it is empty"),
            Value::Array(items) => {
                self.unless(!items.is_empty(), path, "is left out where it is empty");
                for (place, item) in items.iter().enumerate() {
                    self.no_empty_values(&format!("{path}[{place}]"), item);
                }
            }
            Value::Object(members) => {
                self.unless(!members.is_empty(), path, "is left out where it is empty");
                for (name, member) in members {
                    self.no_empty_values(&format!("{path}.{name}"), member);
                }
            }
            Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

pub(crate) fn text<'v>(value: &'v Value, member: &str) -> Option<&'v str> {
    value.get(member)?.as_str()
}

pub(crate) fn list<'v>(value: &'v Value, member: &str) -> impl Iterator<Item = (usize, &'v Value)> {
    value.get(member).and_then(Value::as_array).into_iter().flatten().enumerate()
}

fn id_is_valid(id: Option<&str>) -> bool {
    id.is_some_and(|id| {
        (1..=64).contains(&id.len()) && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.')
    })
}

fn is_date(text: &str) -> bool {
    let whole = match text.len() {
        4 => format!("{text}-01-01"),
        7 => format!("{text}-01"),
        _ => text.to_owned(),
    };
    whole.len() == 10 && chrono::NaiveDate::parse_from_str(&whole, "%Y-%m-%d").is_ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_rule_is_found_broken() {
        let bad = json!({
            "resourceType": "Patient", "id": "a b", "meta": {"profile": []}, "gender": "M", "birthDate": "1975-13",
            "identifier": [{"type": {"coding": [{"system": "s", "code": "MR"}]}}, {"type": {}, "value": "7"}],
            "name": [{"family": "R"}], "telecom": [{"value": ""}], "deceasedBoolean": true, "deceasedDateTime": "2026",
            "contact": [{"relationship": []}], "communication": [{"preferred": true}],
        });
        let paths: Vec<String> = patient_breaches(&bad).into_iter().map(|breach| breach.path).collect();
        for path in [
            "Patient.id",
            "Patient.meta.profile",
            "Patient.identifier[0].value",
            "Patient.identifier[0].type.coding[0].display",
            "Patient.identifier[1].type.coding",
            "Patient.name[0].text",
            "Patient.telecom[0].value",
            "Patient.telecom[0].system",
            "Patient.gender",
            "Patient.birthDate",
            "Patient.deceased[x]",
            "Patient.contact[0]",
            "Patient.contact[0].relationship",
            "Patient.communication[0].language",
        ] {
            assert!(paths.iter().any(|found| found == path), "{path} not in {paths:?}");
        }
        assert!(patient_breaches(&json!({})).iter().any(|breach| breach.path == "Patient.identifier"));
    }
}
