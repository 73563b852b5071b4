//! The FHIR data types that the resources here are made of. What is empty is left out.

use std::borrow::Cow;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::Number;

/// `Meta`
#[derive(Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Meta {
    /// The resource's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// When it last changed, an instant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_updated: Option<String>,
    /// The profiles that it keeps to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub profile: Vec<String>,
}

impl Meta {
    /// Of a record's version; the profile only where the resource keeps to it.
    pub fn of(version: i64, last_updated: Option<DateTime<Utc>>, profile: Option<&str>) -> Self {
        Self {
            version_id: Some(version.to_string()),
            last_updated: last_updated.map(instant),
            profile: profile.map(str::to_owned).into_iter().collect(),
        }
    }
}

/// An instant as resources write it: UTC, to the millisecond.
pub fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// `Coding`
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Coding {
    /// The code system.
    pub system: Cow<'static, str>,
    /// The code.
    pub code: Cow<'static, str>,
    /// The code's meaning in the system's own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display: Option<Cow<'static, str>>,
}

impl Coding {
    /// A code that is known when the program is written.
    pub const fn fixed(system: &'static str, code: &'static str, display: &'static str) -> Self {
        Self { system: Cow::Borrowed(system), code: Cow::Borrowed(code), display: Some(Cow::Borrowed(display)) }
    }
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

    /// A concept in words alone.
    pub fn said(text: impl Into<String>) -> Self {
        Self { coding: Vec::new(), text: Some(text.into()) }
    }
}

/// `Reference`
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Reference {
    /// Where the resource is: `Patient/7`, or the URN of an entry of the same bundle.
    pub reference: String,
    /// The resource's type.
    pub r#type: &'static str,
    /// What it is, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display: Option<String>,
}

/// `Period`
#[derive(Clone, Serialize)]
pub struct Period {
    /// When it began.
    pub start: String,
    /// When it ended, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
}

/// `Quantity`
#[derive(Clone, Serialize)]
pub struct Quantity {
    /// How many.
    pub value: Number,
    /// `<`, `<=`, `>=` or `>` where the value is only a bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparator: Option<&'static str>,
    /// Of what, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// UCUM, where the unit is known there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<&'static str>,
    /// The unit's UCUM code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
}

/// `Annotation`
#[derive(Clone, Serialize)]
pub struct Annotation {
    /// The words.
    pub text: String,
}

/// `Attachment`
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attachment {
    /// The media type.
    pub content_type: String,
    /// The content itself, in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// Where the content is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<i64>,
    /// What it is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// When it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creation: Option<String>,
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
