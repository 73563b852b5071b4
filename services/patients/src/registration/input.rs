//! What a caller may send of a patient, with every fault at once. POST, PUT and the merged PATCH are read by the same
//! type, so that one rule holds for all three.

use chassis::phi::Phi;
use chassis::strict_json::{Fault, Faults};
use chrono::NaiveDate;
use deserr::{Deserr, MergeWithError, ValuePointerRef};
use utoipa::ToSchema;

use crate::error::Error;
use crate::fields::abha::{AbhaAddress, AbhaNumber};
use crate::fields::contact::{Email, Language, PostalCode, fits_country};
use crate::fields::lists::{BloodGroup, Gender};
use crate::fields::phone::Phone;
use crate::fields::words::{AddressLine, FirstName, LastName, PlaceName};
use crate::fields::{birth_date, optional, optional_id, or_empty, required};
use crate::merge::fields::Field;
use crate::patient::{Address, EmergencyContact, Facts, Patient, PatientView};

/// A patient as sent. Absent, null and empty are the same for what may be absent.
#[derive(Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct PatientInput {
    /// The first name, or the only one.
    #[deserr(try_from(String) = required::<FirstName> -> Fault)]
    #[schema(value_type = String, max_length = 100)]
    first_name: Phi<String>,
    /// The last name; many people have none.
    #[deserr(default, try_from(Option<String>) = or_empty::<LastName> -> Fault)]
    #[schema(value_type = Option<String>, max_length = 100)]
    last_name: Phi<String>,
    /// `YYYY-MM-DD`, from 1875 to today; absent where it is not known.
    #[deserr(default, try_from(Option<String>) = birth_date::optional -> Fault)]
    date_of_birth: Option<NaiveDate>,
    /// Whether the date of birth is an estimate.
    #[deserr(default)]
    date_of_birth_estimated: Option<bool>,
    /// `UNKNOWN` when absent.
    #[deserr(default)]
    gender: Option<Gender>,
    /// E-mail address.
    #[deserr(default, try_from(Option<String>) = optional::<Email> -> Fault)]
    #[schema(value_type = Option<String>)]
    email: Option<Phi<String>>,
    /// As people type it; ten digits are an Indian number.
    #[deserr(default, try_from(Option<String>) = optional::<Phone> -> Fault)]
    #[schema(value_type = Option<String>)]
    phone: Option<Phi<String>>,
    /// One of `A+ A- B+ B- AB+ AB- O+ O-`.
    #[deserr(default, try_from(Option<String>) = optional::<BloodGroup> -> Fault)]
    #[schema(value_type = Option<String>)]
    blood_group: Option<Phi<String>>,
    /// Where the patient lives.
    #[deserr(default)]
    address: Option<AddressInput>,
    /// 14 digits, with or without hyphens.
    #[deserr(default, try_from(Option<String>) = optional::<AbhaNumber> -> Fault)]
    #[schema(value_type = Option<String>)]
    abha_number: Option<Phi<String>>,
    /// `name@abdm`.
    #[deserr(default, try_from(Option<String>) = optional::<AbhaAddress> -> Fault)]
    #[schema(value_type = Option<String>)]
    abha_address: Option<Phi<String>>,
    /// Whom to call.
    #[deserr(default)]
    emergency_contact: Option<EmergencyContactInput>,
    /// BCP 47, such as `ta-IN`.
    #[deserr(default, try_from(Option<String>) = optional::<Language> -> Fault)]
    #[schema(value_type = Option<String>)]
    preferred_language: Option<Phi<String>>,
    /// A doctor's user id.
    #[deserr(default, try_from(Option<i64>) = optional_id -> Fault)]
    primary_doctor: Option<i64>,
    /// The patient's own user id, of an active account whose role is PATIENT; ADMIN and RECEPTIONIST set it, and where others
    /// leave it out it stays.
    #[deserr(default, try_from(Option<i64>) = optional_id -> Fault)]
    user: Option<i64>,
    /// ADMIN sets it; unchanged when absent.
    #[deserr(default)]
    is_active: Option<bool>,
    /// May be sent back as it was read.
    #[deserr(default)]
    id: Option<i64>,
    /// May be sent back as it was read.
    #[deserr(default)]
    patient_id: Option<String>,
    /// May be sent back as it was read.
    #[deserr(default)]
    created_at: Option<String>,
    /// May be sent back as it was read.
    #[deserr(default)]
    updated_at: Option<String>,
    /// May be sent back with the patient it was told of.
    #[deserr(default)]
    warnings: Option<Vec<String>>,
}

/// A postal address as sent.
#[derive(Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields, validate = pin_code_fits -> Faults)]
pub struct AddressInput {
    /// House and street.
    #[deserr(default, try_from(Option<String>) = optional::<AddressLine> -> Fault)]
    #[schema(value_type = Option<String>, max_length = 200)]
    line1: Option<Phi<String>>,
    /// Locality or landmark.
    #[deserr(default, try_from(Option<String>) = optional::<AddressLine> -> Fault)]
    #[schema(value_type = Option<String>, max_length = 200)]
    line2: Option<Phi<String>>,
    /// Town or village.
    #[deserr(default, try_from(Option<String>) = optional::<PlaceName> -> Fault)]
    #[schema(value_type = Option<String>, max_length = 100)]
    city: Option<Phi<String>>,
    /// District.
    #[deserr(default, try_from(Option<String>) = optional::<PlaceName> -> Fault)]
    #[schema(value_type = Option<String>, max_length = 100)]
    district: Option<Phi<String>>,
    /// State or union territory.
    #[deserr(default, try_from(Option<String>) = optional::<PlaceName> -> Fault)]
    #[schema(value_type = Option<String>, max_length = 100)]
    state: Option<Phi<String>>,
    /// Six digits in India, the first not 0.
    #[deserr(default, try_from(Option<String>) = optional::<PostalCode> -> Fault)]
    #[schema(value_type = Option<String>, max_length = 12)]
    pin_code: Option<Phi<String>>,
    /// India when absent.
    #[deserr(default, try_from(Option<String>) = optional::<PlaceName> -> Fault)]
    #[schema(value_type = Option<String>, max_length = 100)]
    country: Option<Phi<String>>,
}

fn pin_code_fits(address: AddressInput, at: ValuePointerRef<'_>) -> Result<AddressInput, Faults> {
    let country = address.country.as_ref().map_or("", |country| country.expose());
    match address.pin_code.as_ref().map(|code| fits_country(code.expose(), country)) {
        Some(Err(fault)) => {
            let place = at.push_key("pin_code");
            Err(deserr::take_cf_content(<Faults as MergeWithError<Fault>>::merge(None, fault, place)))
        }
        _ => Ok(address),
    }
}

/// Whom to call, as sent.
#[derive(Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct EmergencyContactInput {
    /// Name.
    #[deserr(try_from(String) = required::<FirstName> -> Fault)]
    #[schema(value_type = String, max_length = 100)]
    name: Phi<String>,
    /// Such as `mother`.
    #[deserr(default, try_from(Option<String>) = optional::<PlaceName> -> Fault)]
    #[schema(value_type = Option<String>, max_length = 100)]
    relationship: Option<Phi<String>>,
    /// As people type it.
    #[deserr(default, try_from(Option<String>) = optional::<Phone> -> Fault)]
    #[schema(value_type = Option<String>)]
    phone: Option<Phi<String>>,
}

impl PatientInput {
    /// The doctor that is named.
    pub fn primary_doctor(&self) -> Option<i64> {
        self.primary_doctor
    }

    /// The patient's account that is named.
    pub fn user(&self) -> Option<i64> {
        self.user
    }

    /// The facts of somebody new.
    ///
    /// # Errors
    /// When the date of birth has not come, or something is given that only the service gives.
    pub fn for_new(self, today: NaiveDate) -> Result<Facts, Error> {
        let given = [
            ("id", self.id.is_some()),
            ("patient_id", self.patient_id.is_some()),
            ("created_at", self.created_at.is_some()),
            ("updated_at", self.updated_at.is_some()),
            ("warnings", self.warnings.is_some()),
            ("is_active", self.is_active == Some(false)),
        ];
        let read_only: Vec<_> = given.into_iter().filter_map(|(name, given)| given.then_some(name)).collect();
        if !read_only.is_empty() {
            return Err(Error::ReadOnly(read_only));
        }
        self.facts(true, today)
    }

    /// The facts that take the place of a patient's.
    ///
    /// # Errors
    /// When the date of birth has not come, or something differs that only the service gives.
    pub fn over(self, patient: &Patient, today: NaiveDate) -> Result<Facts, Error> {
        let shown = PatientView::from(patient.clone());
        let differs = |sent: &Option<String>, kept: &String| sent.as_ref().is_some_and(|sent| sent != kept);
        let changed = [
            ("id", self.id.is_some_and(|id| id != shown.id)),
            ("patient_id", differs(&self.patient_id, &shown.patient_id)),
            ("created_at", differs(&self.created_at, &shown.created_at)),
            ("updated_at", differs(&self.updated_at, &shown.updated_at)),
        ];
        let read_only: Vec<_> = changed.into_iter().filter_map(|(name, changed)| changed.then_some(name)).collect();
        if !read_only.is_empty() {
            return Err(Error::ReadOnly(read_only));
        }
        self.facts(patient.facts.is_active, today)
    }

    /// The facts that take the place of those of a patient that the caller may change; of the others what is absent stays.
    ///
    /// # Errors
    /// As [`over`](Self::over).
    pub fn instead(
        self,
        patient: &Patient,
        may_change: impl Fn(&str) -> bool,
        today: NaiveDate,
    ) -> Result<Facts, Error> {
        let stays: Vec<Field> = self.absent().into_iter().filter(|field| !may_change(field.as_str())).collect();
        let mut facts = self.over(patient, today)?;
        for field in stays {
            field.copy(&patient.facts, &mut facts);
        }
        Ok(facts)
    }

    /// The fields that are absent, null or empty; a date of birth with whether it is estimated.
    fn absent(&self) -> Vec<Field> {
        let is_absent = |field: &Field| match field {
            Field::FirstName => false,
            Field::LastName => self.last_name.expose().is_empty(),
            Field::DateOfBirth => self.date_of_birth.is_none() && self.date_of_birth_estimated.is_none(),
            Field::Gender => self.gender.is_none(),
            Field::Email => self.email.is_none(),
            Field::Phone => self.phone.is_none(),
            Field::BloodGroup => self.blood_group.is_none(),
            Field::Address => self.address.is_none(),
            Field::AbhaNumber => self.abha_number.is_none(),
            Field::AbhaAddress => self.abha_address.is_none(),
            Field::EmergencyContact => self.emergency_contact.is_none(),
            Field::PreferredLanguage => self.preferred_language.is_none(),
            Field::PrimaryDoctor => self.primary_doctor.is_none(),
            Field::User => self.user.is_none(),
        };
        Field::ALL.iter().copied().filter(is_absent).collect()
    }

    fn facts(self, is_active: bool, today: NaiveDate) -> Result<Facts, Error> {
        if let Some(date) = self.date_of_birth {
            birth_date::within(date, today).map_err(|fault| Error::Input(fault.at("date_of_birth")))?;
        }
        Ok(Facts {
            first_name: self.first_name,
            last_name: self.last_name,
            date_of_birth: self.date_of_birth,
            // An estimate of nothing is none.
            date_of_birth_estimated: self.date_of_birth.is_some() && self.date_of_birth_estimated.unwrap_or_default(),
            gender: self.gender.unwrap_or_default().as_str().to_owned(),
            email: self.email,
            phone: self.phone,
            blood_group: self.blood_group,
            address: self.address.map(Address::from).unwrap_or_default(),
            abha_number: self.abha_number,
            abha_address: self.abha_address,
            emergency_contact: self.emergency_contact.map(EmergencyContact::from),
            preferred_language: self.preferred_language,
            primary_doctor: self.primary_doctor,
            user_id: self.user,
            is_active: self.is_active.unwrap_or(is_active),
        })
    }
}

impl From<AddressInput> for Address {
    fn from(AddressInput { line1, line2, city, district, state, pin_code, country }: AddressInput) -> Self {
        Self { line1, line2, city, district, state, pin_code, country }
    }
}

impl From<EmergencyContactInput> for EmergencyContact {
    fn from(EmergencyContactInput { name, relationship, phone }: EmergencyContactInput) -> Self {
        Self { name, relationship, phone }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use serde_json::json;

    use super::*;

    fn codes(input: serde_json::Value) -> Vec<(String, &'static str)> {
        match deserr::deserialize::<PatientInput, _, Faults>(input) {
            Ok(_) => Vec::new(),
            Err(faults) => faults.0.into_iter().map(|fault| (fault.field, fault.code)).collect(),
        }
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let mut found = codes(json!({
            "first_name": "<b>x</b>", "date_of_birth": "2023-02-29", "gender": "male", "email": "x", "phone": "12",
            "blood_group": "C+", "address": {"line1": 5, "pin_code": "012345", "planet": "Mars"}, "abha_number": "12",
            "abha_address": "x@y", "emergency_contact": {"phone": "9876543210"}, "preferred_language": "english",
            "primary_doctor": 0, "user": "1", "is_active": 1, "nickname": "x",
        }));
        found.sort();
        let fields: Vec<&str> = found.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "abha_address",
                "abha_number",
                "address.line1",
                "address.planet",
                "blood_group",
                "date_of_birth",
                "email",
                "emergency_contact.name",
                "first_name",
                "gender",
                "is_active",
                "nickname",
                "phone",
                "preferred_language",
                "primary_doctor",
                "user"
            ]
        );
        assert_eq!(codes(json!({})), [("first_name".to_owned(), "required")]);
    }

    #[test]
    fn a_pin_code_is_checked_in_india_only() {
        let with = |address| codes(json!({"first_name": "Ravi", "address": address}));
        assert_eq!(with(json!({"pin_code": "012345"})), [("address.pin_code".to_owned(), "invalid_pin_code")]);
        assert_eq!(with(json!({"pin_code": "012345", "country": "India"})).len(), 1);
        assert_eq!(with(json!({"pin_code": "01234", "country": "USA"})), []);
    }

    #[test]
    fn an_aadhaar_number_is_refused_in_any_field() {
        let number = "2341 2341 2346";
        for field in [
            "first_name",
            "last_name",
            "phone",
            "email",
            "abha_number",
            "abha_address",
            "preferred_language",
            "blood_group",
        ] {
            let mut input = json!({"first_name": "Ravi"});
            input[field] = json!(number);
            assert_eq!(codes(input), [(field.to_owned(), "aadhaar")], "{field}");
        }
        for field in ["line1", "line2", "city", "district", "state", "pin_code", "country"] {
            let found = codes(json!({"first_name": "Ravi", "address": {field: number}}));
            assert_eq!(found, [(format!("address.{field}"), "aadhaar")]);
        }
        for field in ["name", "relationship", "phone"] {
            let mut contact = json!({"name": "Sita"});
            contact[field] = json!(number);
            let found = codes(json!({"first_name": "Ravi", "emergency_contact": contact}));
            assert_eq!(found, [(format!("emergency_contact.{field}"), "aadhaar")]);
        }
    }

    #[test]
    fn absent_null_and_empty_are_the_same() {
        let today = NaiveDate::from_ymd_opt(2026, 11, 23).unwrap();
        let facts = |input| match deserr::deserialize::<PatientInput, _, Faults>(input) {
            Ok(input) => input.for_new(today).unwrap_or_else(|_| panic!("refused")),
            Err(faults) => panic!("{faults:?}"),
        };
        let bare = facts(json!({"first_name": "Lakshmi"}));
        let nulls = facts(
            json!({"first_name": " Lakshmi ", "last_name": null, "phone": null, "address": null, "gender": null}),
        );
        let empty = facts(
            json!({"first_name": "Lakshmi", "last_name": "", "phone": "", "email": " ", "address": {}, "date_of_birth": ""}),
        );
        assert!(bare == nulls && bare == empty);
    }
}
