//! The FHIR data types that the resources here are made of. What is empty is left out.

use serde::Serialize;

/// `Meta`
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Meta {
    /// The resource's version.
    pub version_id: String,
    /// When it last changed, an instant.
    pub last_updated: String,
    /// The profiles that it keeps to.
    pub profile: Vec<String>,
}

/// `Coding`
#[derive(Clone, Serialize)]
pub struct Coding {
    /// The code system.
    pub system: &'static str,
    /// The code.
    pub code: &'static str,
    /// The code's meaning in the system's own words.
    pub display: &'static str,
}

/// `CodeableConcept`
#[derive(Clone, Serialize, Default)]
pub struct CodeableConcept {
    /// Codes for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub coding: Vec<Coding>,
    /// Words for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl CodeableConcept {
    /// A concept by its codes.
    pub fn of(coding: impl Into<Vec<Coding>>) -> Self {
        Self { coding: coding.into(), text: None }
    }
}

/// `Identifier`
#[derive(Clone, Serialize)]
pub struct Identifier {
    /// `usual` or `official`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#use: Option<&'static str>,
    /// What kind of number it is.
    pub r#type: CodeableConcept,
    /// Whose number it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// The number.
    pub value: String,
}

/// `HumanName`
#[derive(Clone, Serialize)]
pub struct HumanName {
    /// `official`, or nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#use: Option<&'static str>,
    /// The whole name.
    pub text: String,
    /// Family name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// Given names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub given: Vec<String>,
}

/// `ContactPoint`
#[derive(Clone, Serialize)]
pub struct ContactPoint {
    /// `phone` or `email`.
    pub system: &'static str,
    /// The number or address.
    pub value: String,
    /// `mobile`, or nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#use: Option<&'static str>,
}

/// `Address`
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Address {
    /// `home`
    pub r#use: &'static str,
    /// House, street, locality.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub line: Vec<String>,
    /// Town or village.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// District.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub district: Option<String>,
    /// State.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// PIN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    /// Country.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
}
