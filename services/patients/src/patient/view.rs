//! A patient as callers see it.

use chassis::phi::Phi;
use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Address, EmergencyContact, Patient};
use crate::access::Scope;
use crate::fields::abha;

/// All the demographics.
#[derive(Clone, Serialize, ToSchema)]
pub struct PatientView {
    /// Id for programs.
    pub id: i64,
    /// Number for people: `P` and at least five digits.
    pub patient_id: String,
    /// The first name, or the only one.
    #[schema(value_type = String)]
    pub first_name: Phi<String>,
    /// The last name; empty for people with one name.
    #[schema(value_type = String)]
    pub last_name: Phi<String>,
    /// Date of birth, where it is known.
    pub date_of_birth: Option<NaiveDate>,
    /// Whether the date of birth is an estimate.
    pub date_of_birth_estimated: bool,
    /// `MALE`, `FEMALE`, `OTHER` or `UNKNOWN`.
    pub gender: String,
    /// E-mail address.
    #[schema(value_type = Option<String>)]
    pub email: Option<Phi<String>>,
    /// E.164.
    #[schema(value_type = Option<String>)]
    pub phone: Option<Phi<String>>,
    /// Such as `AB-`.
    #[schema(value_type = Option<String>)]
    pub blood_group: Option<Phi<String>>,
    /// Where the patient lives.
    pub address: Address,
    /// `NN-NNNN-NNNN-NNNN`.
    pub abha_number: Option<String>,
    /// `name@abdm`.
    #[schema(value_type = Option<String>)]
    pub abha_address: Option<Phi<String>>,
    /// Whom to call.
    pub emergency_contact: Option<EmergencyContact>,
    /// BCP 47.
    #[schema(value_type = Option<String>)]
    pub preferred_language: Option<Phi<String>>,
    /// The doctor's user id.
    pub primary_doctor: Option<i64>,
    /// The patient's own user id.
    pub user: Option<i64>,
    /// False once deactivated.
    pub is_active: bool,
    /// When the patient was registered.
    pub created_at: String,
    /// When the record was last changed.
    pub updated_at: String,
}

/// What an accountant sees.
#[derive(Clone, Serialize, ToSchema)]
pub struct BriefView {
    /// Id for programs.
    pub id: i64,
    /// Number for people.
    pub patient_id: String,
    /// The first name, or the only one.
    #[schema(value_type = String)]
    pub first_name: Phi<String>,
    /// The last name; empty for people with one name.
    #[schema(value_type = String)]
    pub last_name: Phi<String>,
    /// E.164.
    #[schema(value_type = Option<String>)]
    pub phone: Option<Phi<String>>,
    /// Where the patient lives.
    pub address: Address,
}

/// A patient, as far as the caller may see it: an accountant sees the brief form.
#[derive(Clone, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Shown {
    /// All the demographics.
    Full(Box<PatientView>),
    /// Name, number, phone and address.
    Brief(Box<BriefView>),
}

impl Patient {
    /// The patient as far as the scope shows it.
    pub fn shown(self, scope: &Scope) -> Shown {
        if scope.shows_details() { Shown::Full(Box::new(self.into())) } else { Shown::Brief(Box::new(self.into())) }
    }
}

impl From<Patient> for PatientView {
    fn from(Patient { id, patient_id, facts, created_at, updated_at, .. }: Patient) -> Self {
        Self {
            id,
            patient_id,
            first_name: facts.first_name,
            last_name: facts.last_name,
            date_of_birth: facts.date_of_birth,
            date_of_birth_estimated: facts.date_of_birth_estimated,
            gender: facts.gender,
            email: facts.email,
            phone: facts.phone,
            blood_group: facts.blood_group,
            address: facts.address,
            abha_number: facts.abha_number.map(|digits| abha::shown(digits.expose())),
            abha_address: facts.abha_address,
            emergency_contact: facts.emergency_contact,
            preferred_language: facts.preferred_language,
            primary_doctor: facts.primary_doctor,
            user: facts.user_id,
            is_active: facts.is_active,
            created_at: instant(created_at),
            updated_at: instant(updated_at),
        }
    }
}

impl From<Patient> for BriefView {
    fn from(Patient { id, patient_id, facts, .. }: Patient) -> Self {
        let (first_name, last_name) = (facts.first_name, facts.last_name);
        Self { id, patient_id, first_name, last_name, phone: facts.phone, address: facts.address }
    }
}

/// RFC 3339 in UTC.
pub fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}
