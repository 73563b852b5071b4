//! What the mapping needs to know of a patient; the caller's row, borrowed.

use std::fmt;

use chrono::{DateTime, FixedOffset, NaiveDate, Utc};
use serde::{Deserialize, Serialize, Serializer};

/// A patient as the caller keeps them. Text that is blank counts as missing. `Debug` shows the id only.
#[derive(Clone)]
pub struct PatientRecord<'a> {
    /// The resource's id: the record's own key.
    pub id: &'a str,
    /// The record's version.
    pub version: i64,
    /// When it last changed.
    pub last_updated: DateTime<Utc>,
    /// Whether the record is in use.
    pub active: bool,
    /// The hospital's number for the patient.
    pub patient_id: &'a str,
    /// The hospital's numbers for records that were merged into this one.
    pub former_ids: &'a [String],
    /// The URI of the hospital's numbering.
    pub patient_id_system: &'a str,
    /// ABHA number, 14 digits, with or without hyphens.
    pub abha_number: Option<&'a str>,
    /// ABHA address.
    pub abha_address: Option<&'a str>,
    /// Given names; each word is one.
    pub first_name: &'a str,
    /// Family name; may be empty.
    pub last_name: &'a str,
    /// Birth date, as precise as it is known.
    pub birth_date: Option<Date>,
    /// Administrative gender.
    pub gender: Gender,
    /// Telephone number.
    pub phone: Option<&'a str>,
    /// E-mail address.
    pub email: Option<&'a str>,
    /// Where the patient lives.
    pub address: Option<AddressRecord<'a>>,
    /// Whom to call in an emergency.
    pub emergency_contact: Option<ContactRecord<'a>>,
    /// The language to speak with the patient: a BCP 47 or ISO 639 code, or an English name.
    pub preferred_language: Option<&'a str>,
    /// Whether the patient died; nothing where it is not known.
    pub deceased: Option<Deceased>,
}

impl fmt::Debug for PatientRecord<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PatientRecord").field("id", &self.id).finish_non_exhaustive()
    }
}

/// An address as the caller keeps it. Every part may be empty.
#[derive(Clone, Copy, Default)]
pub struct AddressRecord<'a> {
    /// House and street.
    pub line1: &'a str,
    /// Locality.
    pub line2: &'a str,
    /// Town or village.
    pub city: &'a str,
    /// District.
    pub district: &'a str,
    /// State.
    pub state: &'a str,
    /// PIN.
    pub pin_code: &'a str,
    /// Country.
    pub country: &'a str,
}

/// A contact as the caller keeps it. Every part may be empty.
#[derive(Clone, Copy, Default)]
pub struct ContactRecord<'a> {
    /// Full name.
    pub name: &'a str,
    /// What they are to the patient, in words.
    pub relationship: &'a str,
    /// Telephone number.
    pub phone: &'a str,
}

/// A date of which the day, or month and day, may be unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Date {
    /// Only the year is known.
    Year(i32),
    /// Year and month, 1 to 12, are known.
    Month(i32, u32),
    /// The day is known.
    Day(NaiveDate),
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Year(year) => write!(f, "{year:04}"),
            Self::Month(year, month) => write!(f, "{year:04}-{month:02}"),
            Self::Day(day) => write!(f, "{}", day.format("%Y-%m-%d")),
        }
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The codes of `administrative-gender`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gender {
    /// Male.
    Male,
    /// Female.
    Female,
    /// Other.
    Other,
    /// Not known.
    Unknown,
}

/// Whether, and when, the patient died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deceased {
    /// Known to live.
    No,
    /// Died, at a time not known.
    Yes,
    /// Died on this date, as precise as it is known.
    On(Date),
    /// Died at this time.
    At(DateTime<FixedOffset>),
}
