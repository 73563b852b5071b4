//! What a message can say of a patient. `Debug` shows none of it.

use std::fmt;

use serde::Serialize;

use crate::masked::masked;
use crate::message::Repetition;
use crate::provenance::Sources;
use crate::text::{filled, one_line};
use crate::timestamp::{PartialDate, Timestamp};

/// What to do with what is already known.
#[derive(Clone, PartialEq, Eq, Serialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Change<T> {
    /// The field was empty: leave it.
    #[default]
    Keep,
    /// The field was `""`: delete it.
    Delete,
    /// The field has a value.
    Set(T),
}

impl<T> Change<T> {
    /// The value, where there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Delete => None,
        }
    }

    /// The value, where there is one.
    pub fn into_value(self) -> Option<T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Delete => None,
        }
    }

    /// The same change by reference.
    pub fn as_ref(&self) -> Change<&T> {
        match self {
            Self::Keep => Change::Keep,
            Self::Delete => Change::Delete,
            Self::Set(value) => Change::Set(value),
        }
    }

    /// The same change of another kind of value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Change<U> {
        match self {
            Self::Keep => Change::Keep,
            Self::Delete => Change::Delete,
            Self::Set(value) => Change::Set(f(value)),
        }
    }

    /// What is known afterwards.
    pub fn apply(self, known: Option<T>) -> Option<T> {
        match self {
            Self::Keep => known,
            Self::Delete => None,
            Self::Set(value) => Some(value),
        }
    }
}

/// What PID and NK1 say of a patient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct PatientFacts {
    /// PID-3, PID-2, PID-4, PID-19 (type `SB`) and PID-20 (type `DL`), in this order, each once. At least one.
    pub identifiers: Vec<Identifier>,
    /// PID-5: of several names the first that is in use.
    pub name: Change<Name>,
    /// All names of PID-5 and PID-9, in the order in which they stand.
    pub names: Vec<Name>,
    /// PID-7, as precise as it was written. A time of birth is left out.
    pub birth_date: Change<PartialDate>,
    /// PID-8.
    pub gender: Change<Gender>,
    /// PID-13, PID-14, PID-40: the best to call first.
    pub phones: Change<Vec<Phone>>,
    /// The first e-mail address of PID-13, PID-40 and PID-14.
    pub email: Change<String>,
    /// PID-11 (and the district of PID-12): of several the first that is lived at.
    pub address: Change<Address>,
    /// All addresses of PID-11 that somebody may live at or get letters at.
    pub addresses: Vec<Address>,
    /// PID-15: a code (`hi`, `tam`) or a name, as it came.
    pub language: Change<String>,
    /// PID-29, PID-30.
    pub death: Change<Death>,
    /// NK1: the emergency contact, or else the first next of kin.
    pub contact: Change<Contact>,
    /// NK1: everybody who is related or to be called, in order.
    pub contacts: Vec<Contact>,
    /// Which field filled what.
    pub sources: Sources,
}

impl PatientFacts {
    /// The number by which the sender knows the patient: type `MR`, or else `PI` or `PT`, or else one without a type.
    pub fn medical_record(&self) -> Option<&Identifier> {
        let of_type = |code: &str| {
            self.identifiers.iter().find(|identifier| {
                identifier.type_code.as_deref().unwrap_or("") == code
                    && matches!(identifier.kind(), IdentifierKind::MedicalRecord | IdentifierKind::Other)
            })
        };
        ["MR", "PI", "PT", ""].into_iter().find_map(of_type)
    }

    /// The ABHA number, fourteen digits.
    pub fn abha_number(&self) -> Option<String> {
        let number = self.identifiers.iter().find(|identifier| identifier.kind() == IdentifierKind::AbhaNumber)?;
        Some(number.value.chars().filter(char::is_ascii_digit).collect())
    }

    /// The ABHA address.
    pub fn abha_address(&self) -> Option<&str> {
        let address = self.identifiers.iter().find(|identifier| identifier.kind() == IdentifierKind::AbhaAddress)?;
        Some(&address.value)
    }

    /// The number to call first.
    pub fn phone(&self) -> Change<&str> {
        match &self.phones {
            Change::Keep => Change::Keep,
            Change::Delete => Change::Delete,
            Change::Set(phones) => phones.first().map_or(Change::Keep, |phone| Change::Set(phone.number.as_str())),
        }
    }
}

/// A number or address by which somebody knows the patient.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Identifier {
    /// The number itself.
    pub value: String,
    /// Who gave it: the name of the authority.
    pub authority: Option<String>,
    /// Who gave it: the authority's OID, URI or the like.
    pub authority_id: Option<String>,
    /// Its type from HL7 table 0203 (`MR`, `PI`, `DL`), or `HIN` and `ABHA`.
    pub type_code: Option<String>,
}

/// What an identifier is to an Indian hospital.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdentifierKind {
    /// The sender's own number.
    MedicalRecord,
    /// The fourteen digits of the Ayushman Bharat Health Account.
    AbhaNumber,
    /// `name@abdm`.
    AbhaAddress,
    /// Any other.
    Other,
}

impl Identifier {
    pub(crate) fn read(cx: &Repetition<'_>) -> Option<Self> {
        let authority = cx.component(4);
        let value = filled(one_line(&cx.component(1).text()))?;
        Some(Self {
            value,
            authority: filled(one_line(&authority.subcomponent(1))),
            authority_id: filled(one_line(&authority.subcomponent(2))),
            type_code: filled(one_line(&cx.component(5).text())),
        })
    }

    /// What it is, by its type, its authority and its shape.
    pub fn kind(&self) -> IdentifierKind {
        let type_code = self.type_code.as_deref().unwrap_or("").to_ascii_uppercase();
        let authority = [self.authority.as_deref(), self.authority_id.as_deref()];
        let of_abdm = matches!(type_code.as_str(), "HIN" | "ABHA")
            || authority.into_iter().flatten().any(|name| {
                let name = name.to_ascii_uppercase();
                ["ABDM", "NDHM", "ABHA"].iter().any(|part| name.contains(part))
            });
        if of_abdm && self.value.contains('@') {
            return IdentifierKind::AbhaAddress;
        }
        let digits = self.value.chars().filter(char::is_ascii_digit).count();
        let bare = self.value.chars().all(|c| c.is_ascii_digit() || c == '-' || c == ' ');
        match (of_abdm, digits == 14 && bare, type_code.as_str()) {
            (true, true, _) => IdentifierKind::AbhaNumber,
            (false, _, "MR") => IdentifierKind::MedicalRecord,
            _ => IdentifierKind::Other,
        }
    }
}

/// A person's name. One word alone stands in `given`.
#[derive(Clone, PartialEq, Eq, Serialize, Default)]
pub struct Name {
    /// Given name.
    pub given: String,
    /// Middle names or initials; may be empty.
    pub middle: String,
    /// Family name, of whatever kind; may be empty.
    pub family: String,
    /// `Dr.`, `Smt.`; may be empty.
    pub prefix: String,
    /// `Jr.`, and degrees; may be empty.
    pub suffix: String,
    /// What the person is called instead.
    pub called: Option<String>,
    /// What kind of name it is, from HL7 table 0200.
    pub type_code: Option<String>,
}

impl Name {
    /// Given and middle names together.
    pub fn first_name(&self) -> String {
        one_line(&format!("{} {}", self.given, self.middle))
    }

    /// All of it, as it is spoken; without prefix and suffix.
    pub fn full(&self) -> String {
        one_line(&format!("{} {} {}", self.given, self.middle, self.family))
    }
}

/// The codes of HL7 table 0001, and what FHIR makes of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Gender {
    /// `M`
    Male,
    /// `F`
    Female,
    /// `O`, `A`, `N`, and `T` for transgender, which many Indian systems send
    Other,
    /// `U`
    Unknown,
}

impl Gender {
    /// `MALE`, `FEMALE`, `OTHER`, `UNKNOWN`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Male => "MALE",
            Self::Female => "FEMALE",
            Self::Other => "OTHER",
            Self::Unknown => "UNKNOWN",
        }
    }
}

/// A telephone number.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Phone {
    /// As it was written; with `+` and country code where the message names one.
    pub number: String,
    /// Extension.
    pub extension: Option<String>,
    /// What it is for.
    pub r#use: PhoneUse,
}

/// What a telephone number is for, the best to call first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PhoneUse {
    /// The patient's own.
    Mobile,
    /// At home.
    Home,
    /// Not said.
    Other,
    /// At work.
    Work,
    /// For emergencies.
    Emergency,
}

/// A postal address. Each part may be empty.
#[derive(Clone, PartialEq, Eq, Serialize, Default)]
pub struct Address {
    /// House and street.
    pub line1: String,
    /// Locality.
    pub line2: String,
    /// Town or village.
    pub city: String,
    /// District.
    pub district: String,
    /// State.
    pub state: String,
    /// PIN.
    pub postal_code: String,
    /// Country, as it came.
    pub country: String,
}

/// Whether, and when, the patient died.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Death {
    /// The message says that the patient lives.
    Alive,
    /// The patient died, perhaps at a known time.
    Deceased(Option<Timestamp>),
}

/// Whom to call.
#[derive(Clone, PartialEq, Eq, Serialize, Default)]
pub struct Contact {
    /// Full name.
    pub name: String,
    /// `Spouse`, `Mother`; may be empty.
    pub relationship: String,
    /// Telephone number; may be empty.
    pub phone: String,
}

masked!(Identifier, Name, Phone, Address, Death, Contact);

impl<T> fmt::Debug for Change<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keep => "Keep",
            Self::Delete => "Delete",
            Self::Set(_) => "Set(..)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identifier(value: &str, authority: &str, type_code: &str) -> Identifier {
        Identifier {
            value: value.to_owned(),
            authority: Some(authority.to_owned()),
            authority_id: None,
            type_code: Some(type_code.to_owned()),
        }
    }

    #[test]
    fn an_identifier_is_known_by_type_authority_and_shape() {
        assert_eq!(identifier("UH-7", "APOLLO", "MR").kind(), IdentifierKind::MedicalRecord);
        assert_eq!(identifier("91-1234-5678-9012", "ABDM", "HIN").kind(), IdentifierKind::AbhaNumber);
        assert_eq!(identifier("91123456789012", "healthid.ndhm.gov.in", "MR").kind(), IdentifierKind::AbhaNumber);
        assert_eq!(identifier("lakshmi.r@abdm", "", "ABHA").kind(), IdentifierKind::AbhaAddress);
        assert_eq!(identifier("91123456789012", "APOLLO", "MR").kind(), IdentifierKind::MedicalRecord);
        assert_eq!(identifier("9112", "ABDM", "HIN").kind(), IdentifierKind::Other);
        assert_eq!(identifier("KA-01", "", "DL").kind(), IdentifierKind::Other);
    }

    #[test]
    fn a_change_is_applied_to_what_is_known() {
        assert_eq!(Change::Keep.apply(Some(1)), Some(1));
        assert_eq!(Change::<i32>::Delete.apply(Some(1)), None);
        assert_eq!(Change::Set(2).apply(Some(1)), Some(2));
    }

    #[test]
    fn debug_shows_no_content() {
        let facts = PatientFacts {
            identifiers: vec![identifier("UH-7", "APOLLO", "MR")],
            email: Change::Set("lakshmi@example.in".to_owned()),
            gender: Change::Set(Gender::Female),
            ..PatientFacts::default()
        };
        let shown = format!("{facts:?}");
        assert!(!["UH-7", "APOLLO", "lakshmi", "Female"].iter().any(|word| shown.contains(word)), "{shown}");
    }
}
