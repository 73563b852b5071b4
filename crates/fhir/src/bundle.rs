//! `Bundle`, of whatever kind, and the check that it is whole: every reference resolves.

use std::collections::HashSet;

use serde::Serialize;
use serde_json::Value;

use crate::allergy::AllergyIntolerance;
use crate::composition::Composition;
use crate::condition::Condition;
use crate::datatypes::Meta;
use crate::diagnostic_report::DiagnosticReport;
use crate::document_reference::DocumentReference;
use crate::family_history::FamilyMemberHistory;
use crate::immunization::Immunization;
use crate::medication::{MedicationRequest, MedicationStatement};
use crate::observation::Observation;
use crate::patient::Patient;
use crate::procedure::Procedure;
use crate::staff::{Organization, Practitioner};
use crate::visit::{Appointment, Encounter};

/// The resource.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bundle {
    /// `Bundle`
    pub resource_type: &'static str,
    /// The bundle's id, of a document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Version and profile, of a document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meta: Option<Meta>,
    /// Whose document it is, and which.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identifier: Option<BundleIdentifier>,
    /// `searchset` or `document`.
    pub r#type: &'static str,
    /// When it was made, of a document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
    /// How many there are on all pages, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<i64>,
    /// This page, and the next one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub link: Vec<Link>,
    /// The resources.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entry: Vec<Entry>,
}

/// A document's identifier.
#[derive(Clone, Serialize)]
pub struct BundleIdentifier {
    /// Whose.
    pub system: String,
    /// Which.
    pub value: String,
}

/// `Bundle.link`
#[derive(Clone, Serialize)]
pub struct Link {
    /// `self` or `next`.
    pub relation: &'static str,
    /// The address.
    pub url: String,
}

/// `Bundle.entry`
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// What the resource is called here.
    pub full_url: String,
    /// The resource.
    pub resource: Resource,
    /// Why it is here, in the answer of a search.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<Search>,
}

/// `Bundle.entry.search`
#[derive(Clone, Copy, Serialize)]
pub struct Search {
    /// `match`, or `include` of what another one names.
    pub mode: &'static str,
}

/// It was asked for.
pub const MATCH: Search = Search { mode: "match" };
/// Another one names it.
pub const INCLUDE: Search = Search { mode: "include" };

/// A resource that is written here.
#[derive(Clone, Serialize)]
#[serde(untagged)]
#[expect(missing_docs, reason = "each is the resource of its name")]
pub enum Resource {
    Patient(Box<Patient>),
    Condition(Box<Condition>),
    AllergyIntolerance(Box<AllergyIntolerance>),
    MedicationStatement(Box<MedicationStatement>),
    MedicationRequest(Box<MedicationRequest>),
    Observation(Box<Observation>),
    Procedure(Box<Procedure>),
    Immunization(Box<Immunization>),
    FamilyMemberHistory(Box<FamilyMemberHistory>),
    DocumentReference(Box<DocumentReference>),
    DiagnosticReport(Box<DiagnosticReport>),
    Appointment(Box<Appointment>),
    Encounter(Box<Encounter>),
    Practitioner(Box<Practitioner>),
    Organization(Box<Organization>),
    Composition(Box<Composition>),
}

macro_rules! resources {
    ($($kind:ident),+) => {
        impl Resource {
            /// The resource's type.
            pub const fn type_name(&self) -> &'static str {
                match self {
                    $(Self::$kind(_) => stringify!($kind),)+
                }
            }
        }
$(
        impl From<$kind> for Resource {
            fn from(resource: $kind) -> Self {
                Self::$kind(Box::new(resource))
            }
        }
    )+};
}

resources!(
    Patient,
    Condition,
    AllergyIntolerance,
    MedicationStatement,
    MedicationRequest,
    Observation,
    Procedure,
    Immunization,
    FamilyMemberHistory,
    DocumentReference,
    DiagnosticReport,
    Appointment,
    Encounter,
    Practitioner,
    Organization,
    Composition
);

impl Bundle {
    /// The answer of a search, or a page of it.
    pub fn searchset(total: Option<i64>, link: Vec<Link>, entry: Vec<Entry>) -> Self {
        Self {
            resource_type: "Bundle",
            id: None,
            meta: None,
            identifier: None,
            r#type: "searchset",
            timestamp: None,
            total,
            link,
            entry,
        }
    }
}

/// The references of a written bundle that lead to no entry of it, as R4 resolves them (3.1.1): by `fullUrl`, or relative to
/// the base of the `fullUrl` of the entry in which they stand. Empty where the bundle is whole.
pub fn unresolved(bundle: &Value) -> Vec<String> {
    let entries = || bundle["entry"].as_array().into_iter().flatten();
    let urls: HashSet<&str> = entries().filter_map(|entry| entry["fullUrl"].as_str()).collect();
    let mut lost = Vec::new();
    for entry in entries() {
        let full_url = entry["fullUrl"].as_str().unwrap_or_default();
        let mut parts = full_url.rsplitn(3, '/');
        let base = parts.nth(2).filter(|_| full_url.starts_with("http"));
        let mut references = Vec::new();
        collect(&entry["resource"], &mut references);
        for reference in references {
            let found = urls.contains(reference)
                || base.is_some_and(|base| urls.contains(format!("{base}/{reference}").as_str()));
            if !found {
                lost.push(format!("{full_url}: {reference}"));
            }
        }
    }
    lost
}

fn collect<'v>(value: &'v Value, references: &mut Vec<&'v str>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
        Value::Object(members) => {
            references.extend(members.get("reference").and_then(Value::as_str));
            members.values().for_each(|member| collect(member, references));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::unresolved;

    #[test]
    fn a_lost_reference_is_found() {
        let bundle = json!({"entry": [
            {"fullUrl": "https://a.in/fhir/Patient/7", "resource": {"resourceType": "Patient"}},
            {"fullUrl": "https://a.in/fhir/Condition/1", "resource": {
                "subject": {"reference": "Patient/7"}, "recorder": {"reference": "Practitioner/2"}}},
            {"fullUrl": "urn:uuid:1", "resource": {"subject": {"reference": "Patient/7"}, "other": [{"reference": "urn:uuid:1"}]}},
        ]});
        assert_eq!(unresolved(&bundle), ["https://a.in/fhir/Condition/1: Practitioner/2", "urn:uuid:1: Patient/7"]);
    }
}
