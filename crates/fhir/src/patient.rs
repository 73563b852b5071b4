//! `Patient`, as FHIR R4 and the NRCeS profile have it.

use chrono::SecondsFormat;
use serde::Serialize;

use crate::datatypes::{Address, CodeableConcept, Coding, ContactPoint, HumanName, Identifier, Meta};
use crate::nrces;
use crate::record::{AddressRecord, ContactRecord, Date, Deceased, Gender, PatientRecord};

/// The resource. Made by [`patient`]; written with serde.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Patient {
    /// `Patient`
    pub resource_type: &'static str,
    /// The record's key.
    pub id: String,
    /// Version, time of change, profile.
    pub meta: Meta,
    /// The hospital's number first, then the ABHA number and address, then the numbers of records that were merged into this one.
    pub identifier: Vec<Identifier>,
    /// Whether the record is in use.
    pub active: bool,
    /// The name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub name: Vec<HumanName>,
    /// Telephone and e-mail.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub telecom: Vec<ContactPoint>,
    /// Administrative gender.
    pub gender: Gender,
    /// Birth date, as precise as it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub birth_date: Option<Date>,
    /// Whether the patient died, where the time is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deceased_boolean: Option<bool>,
    /// When the patient died.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deceased_date_time: Option<String>,
    /// Where the patient lives.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub address: Vec<Address>,
    /// Whom to call in an emergency.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contact: Vec<PatientContact>,
    /// The language to speak with the patient.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub communication: Vec<Communication>,
}

/// `Patient.contact`
#[derive(Clone, Serialize)]
pub struct PatientContact {
    /// Emergency contact, and what they are to the patient.
    pub relationship: Vec<CodeableConcept>,
    /// Their name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<HumanName>,
    /// Their telephone number.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub telecom: Vec<ContactPoint>,
}

/// `Patient.communication`
#[derive(Clone, Serialize)]
pub struct Communication {
    /// The language.
    pub language: CodeableConcept,
    /// Whether it is the one the patient would rather speak.
    pub preferred: bool,
}

/// The resource that says what the record says.
pub fn patient(record: &PatientRecord<'_>) -> Patient {
    let (deceased_boolean, deceased_date_time) = deceased(record.deceased);
    Patient {
        resource_type: "Patient",
        id: record.id.to_owned(),
        meta: Meta::of(record.version, Some(record.last_updated), Some(nrces::PATIENT_PROFILE)),
        identifier: identifiers(record),
        active: record.active,
        name: name(record).into_iter().collect(),
        telecom: record.phone.and_then(phone).into_iter().chain(record.email.and_then(email)).collect(),
        gender: record.gender,
        birth_date: record.birth_date,
        deceased_boolean,
        deceased_date_time,
        address: record.address.as_ref().and_then(address).into_iter().collect(),
        contact: record.emergency_contact.as_ref().and_then(contact).into_iter().collect(),
        communication: record.preferred_language.and_then(communication).into_iter().collect(),
    }
}

fn identifiers(record: &PatientRecord<'_>) -> Vec<Identifier> {
    let hospital = filled(record.patient_id).map(|value| Identifier {
        r#use: Some("usual"),
        r#type: CodeableConcept::of([nrces::MEDICAL_RECORD]),
        system: filled(record.patient_id_system),
        value,
    });
    // The guide's code for an ABHA number is HIN, its own examples say MR: receivers look for either.
    let abha_number = record.abha_number.and_then(filled).map(|number| Identifier {
        r#use: Some("official"),
        r#type: CodeableConcept::of([nrces::ABHA_NUMBER, nrces::MEDICAL_RECORD]),
        system: Some(nrces::ABHA_SYSTEM.to_owned()),
        value: grouped(&number),
    });
    let abha_address = record.abha_address.and_then(filled).map(|value| Identifier {
        r#use: Some("official"),
        r#type: CodeableConcept::of([nrces::ABHA_ADDRESS]),
        system: Some(nrces::ABHA_SYSTEM.to_owned()),
        value,
    });
    // Whoever looks for an old number finds it in what they get.
    let former = record.former_ids.iter().filter_map(|number| filled(number)).map(|value| Identifier {
        r#use: Some("old"),
        r#type: CodeableConcept::of([nrces::MEDICAL_RECORD]),
        system: filled(record.patient_id_system),
        value,
    });
    hospital.into_iter().chain(abha_number).chain(abha_address).chain(former).collect()
}

/// `NN-NNNN-NNNN-NNNN`, where there are fourteen digits.
fn grouped(number: &str) -> String {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    if digits.len() != 14 {
        return number.to_owned();
    }
    let mut shown = String::with_capacity(17);
    for (place, digit) in digits.chars().enumerate() {
        if matches!(place, 2 | 6 | 10) {
            shown.push('-');
        }
        shown.push(digit);
    }
    shown
}

fn name(record: &PatientRecord<'_>) -> Option<HumanName> {
    let given: Vec<String> = record.first_name.split_whitespace().map(str::to_owned).collect();
    let family = filled(record.last_name);
    let text = filled(&format!("{} {}", given.join(" "), family.as_deref().unwrap_or("")))?;
    Some(HumanName { r#use: Some("official"), text, family, given })
}

fn phone(number: &str) -> Option<ContactPoint> {
    let value = filled(number)?;
    let r#use = is_mobile(&value).then_some("mobile");
    Some(ContactPoint { system: "phone", value, r#use })
}

/// Ten digits that begin with 6 to 9, after `0`, `91` or `+91`.
fn is_mobile(number: &str) -> bool {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    let national = match digits.len() {
        12 => digits.strip_prefix("91"),
        11 => digits.strip_prefix('0'),
        10 => Some(digits.as_str()),
        _ => None,
    };
    national.is_some_and(|national| national.starts_with(['6', '7', '8', '9']))
}

fn email(address: &str) -> Option<ContactPoint> {
    Some(ContactPoint { system: "email", value: filled(address)?, r#use: None })
}

fn address(record: &AddressRecord<'_>) -> Option<Address> {
    let address = Address {
        r#use: "home",
        line: [record.line1, record.line2].into_iter().filter_map(filled).collect(),
        city: filled(record.city),
        district: filled(record.district),
        state: filled(record.state),
        postal_code: filled(record.pin_code),
        country: filled(record.country),
    };
    let parts = [&address.city, &address.district, &address.state, &address.postal_code];
    // A country alone is a form's default, not an address.
    (!address.line.is_empty() || parts.iter().any(|part| part.is_some())).then_some(address)
}

fn contact(record: &ContactRecord<'_>) -> Option<PatientContact> {
    let name = filled(record.name).map(|text| HumanName { r#use: None, text, family: None, given: Vec::new() });
    let telecom: Vec<ContactPoint> = phone(record.phone).into_iter().collect();
    if name.is_none() && telecom.is_empty() {
        return None;
    }
    let relationship = CodeableConcept { coding: vec![nrces::EMERGENCY_CONTACT], text: filled(record.relationship) };
    Some(PatientContact { relationship: vec![relationship], name, telecom })
}

fn communication(language: &str) -> Option<Communication> {
    let said = filled(language)?;
    let known = nrces::LANGUAGES.iter().find(|(code, longer, name)| {
        [*code, *longer, *name].iter().any(|word| word.eq_ignore_ascii_case(&said))
            || said.split_once('-').is_some_and(|(primary, _)| primary.eq_ignore_ascii_case(code))
    });
    let language = match known {
        Some((code, _, display)) => CodeableConcept {
            coding: vec![Coding::fixed(nrces::LANGUAGE_SYSTEM, code, display)],
            text: Some((*display).to_owned()),
        },
        None => CodeableConcept { coding: Vec::new(), text: Some(said) },
    };
    Some(Communication { language, preferred: true })
}

fn deceased(deceased: Option<Deceased>) -> (Option<bool>, Option<String>) {
    match deceased {
        None => (None, None),
        Some(Deceased::No) => (Some(false), None),
        Some(Deceased::Yes) => (Some(true), None),
        Some(Deceased::On(date)) => (None, Some(date.to_string())),
        Some(Deceased::At(time)) => (None, Some(time.to_rfc3339_opts(SecondsFormat::Secs, true))),
    }
}

/// The text on one line, where there is any: FHIR has no empty strings.
pub(crate) fn filled(text: &str) -> Option<String> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_abha_number_is_shown_in_groups() {
        assert_eq!(grouped("91712455301186"), "91-7124-5530-1186");
        assert_eq!(grouped("91-7124-5530-1186"), "91-7124-5530-1186");
        assert_eq!(grouped("917"), "917");
    }

    #[test]
    fn a_mobile_is_told_from_a_landline() {
        for number in ["9840012345", "+91 98400 12345", "09840012345", "919840012345"] {
            assert!(is_mobile(number), "{number}");
        }
        for number in ["04428290200", "+914428290200", "112", "98400123456", "१२३"] {
            assert!(!is_mobile(number), "{number}");
        }
    }

    #[test]
    fn a_language_is_found_by_code_or_name() {
        let code = |said: &str| {
            let language = communication(said)?.language;
            language.coding.first().map(|coding| coding.code.clone().into_owned())
        };
        assert_eq!(
            ["ta", "tam", "Tamil", "ta-IN", "HI", "English"].map(code).map(Option::unwrap_or_default),
            ["ta", "ta", "ta", "ta", "hi", "en"]
        );
        assert_eq!(code("Tulu"), None);
        assert_eq!(communication("Tulu").unwrap().language.text.as_deref(), Some("Tulu"));
        assert!(communication("  ").is_none());
    }
}
