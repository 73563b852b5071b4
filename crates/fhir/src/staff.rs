//! `Practitioner` and `Organization`: whoever records name.

use serde::Serialize;

use crate::datatypes::{CodeableConcept, HumanName, Identifier, Meta};
use crate::frame::Frame;
use crate::health::{HospitalRecord, StaffRecord};
use crate::naming::Type;
use crate::nrces;
use crate::patient::filled;

/// Somebody of the staff.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Practitioner {
    /// `Practitioner`
    pub resource_type: &'static str,
    /// Their key.
    pub id: String,
    /// The profile.
    pub meta: Meta,
    /// Their number with their employer.
    pub identifier: Vec<Identifier>,
    /// Their name.
    pub name: Vec<HumanName>,
}

/// The hospital.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Organization {
    /// `Organization`
    pub resource_type: &'static str,
    /// `hospital`
    pub id: String,
    /// The profile.
    pub meta: Meta,
    /// Its number in the national registry, or else the URI of its numbering.
    pub identifier: Vec<Identifier>,
    /// Its name.
    pub name: String,
}

/// The key of the hospital's resource.
pub const HOSPITAL: &str = "hospital";

/// A member of the staff. Whose name is not known is called by their number.
pub fn practitioner(frame: &Frame<'_>, member: &StaffRecord<'_>) -> Practitioner {
    let text = filled(member.name).unwrap_or_else(|| format!("Practitioner {}", member.id));
    Practitioner {
        resource_type: Type::Practitioner.as_str(),
        id: frame.id(Type::Practitioner, member.id),
        meta: of_profile(nrces::PRACTITIONER_PROFILE),
        identifier: vec![Identifier {
            r#use: None,
            r#type: CodeableConcept::of([nrces::EMPLOYEE]),
            system: Some(nrces::EMPLOYEE_SYSTEM.to_owned()),
            value: member.id.to_string(),
        }],
        name: vec![HumanName { r#use: None, text, family: None, given: Vec::new() }],
    }
}

/// The hospital.
pub fn organization(frame: &Frame<'_>, hospital: &HospitalRecord<'_>) -> Organization {
    let identifier = match hospital.facility_id.and_then(filled) {
        Some(value) => Identifier {
            r#use: Some("official"),
            r#type: CodeableConcept::of([nrces::PROVIDER]),
            system: Some(nrces::FACILITY_SYSTEM.to_owned()),
            value,
        },
        None => Identifier {
            r#use: None,
            r#type: CodeableConcept::of([nrces::ORGANIZATION]),
            system: Some(nrces::URI_SYSTEM.to_owned()),
            value: hospital.patient_id_system.to_owned(),
        },
    };
    Organization {
        resource_type: Type::Organization.as_str(),
        id: frame.id(Type::Organization, HOSPITAL),
        meta: of_profile(nrces::ORGANIZATION_PROFILE),
        identifier: vec![identifier],
        name: filled(hospital.name).unwrap_or_else(|| "Hospital".to_owned()),
    }
}

fn of_profile(profile: &str) -> Meta {
    Meta { profile: vec![profile.to_owned()], ..Meta::default() }
}
