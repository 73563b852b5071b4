//! What a resource is called in the bundle that it stands in, and how others point to it.

use serde::Serialize;

use crate::datatypes::Reference;

/// The types of resources that are written here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Type {
    /// Who the record is about.
    Patient,
    /// A disease, a finding.
    Condition,
    /// An allergy or intolerance.
    AllergyIntolerance,
    /// A medicine that is or was taken.
    MedicationStatement,
    /// A medicine that is prescribed.
    MedicationRequest,
    /// Something measured or seen.
    Observation,
    /// An intervention.
    Procedure,
    /// A vaccination.
    Immunization,
    /// A disease of a relative.
    FamilyMemberHistory,
    /// A document, a note.
    DocumentReference,
    /// A report on observations.
    DiagnosticReport,
    /// A planned visit.
    Appointment,
    /// A visit that takes or took place.
    Encounter,
    /// Somebody of the staff.
    Practitioner,
    /// The hospital.
    Organization,
    /// What a document says first: of what it is made.
    Composition,
}

impl Type {
    /// The type's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Patient => "Patient",
            Self::Condition => "Condition",
            Self::AllergyIntolerance => "AllergyIntolerance",
            Self::MedicationStatement => "MedicationStatement",
            Self::MedicationRequest => "MedicationRequest",
            Self::Observation => "Observation",
            Self::Procedure => "Procedure",
            Self::Immunization => "Immunization",
            Self::FamilyMemberHistory => "FamilyMemberHistory",
            Self::DocumentReference => "DocumentReference",
            Self::DiagnosticReport => "DiagnosticReport",
            Self::Appointment => "Appointment",
            Self::Encounter => "Encounter",
            Self::Practitioner => "Practitioner",
            Self::Organization => "Organization",
            Self::Composition => "Composition",
        }
    }
}

/// How the resources of a bundle are called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Naming {
    /// By type and key, under a server's base: `https://ehs.example.in/fhir`.
    Served {
        /// The base, without a slash at its end.
        base: String,
    },
    /// By URNs, as in a document that leaves its server. One key of one issuer is the same URN in every document.
    Document {
        /// Whose keys they are: the URI of the hospital's numbering.
        issuer: String,
    },
}

impl Naming {
    /// The resource's `id`.
    pub fn id(&self, kind: Type, key: &str) -> String {
        match self {
            Self::Served { .. } => key.to_owned(),
            Self::Document { issuer } => uuid(issuer, kind, key),
        }
    }

    /// The entry's `fullUrl`.
    pub fn full_url(&self, kind: Type, key: &str) -> String {
        match self {
            Self::Served { base } => format!("{base}/{}/{key}", kind.as_str()),
            Self::Document { issuer } => format!("urn:uuid:{}", uuid(issuer, kind, key)),
        }
    }

    /// How another resource points to it.
    pub fn reference(&self, kind: Type, key: &str) -> Reference {
        let reference = match self {
            Self::Served { .. } => format!("{}/{key}", kind.as_str()),
            Self::Document { .. } => self.full_url(kind, key),
        };
        Reference { reference, r#type: kind.as_str(), display: None }
    }
}

/// A UUID of version 8 (RFC 9562, 5.8) made of the names by FNV-1a, 128 bits.
fn uuid(issuer: &str, kind: Type, key: &str) -> String {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    const VERSION: u128 = 0xf << 76;
    const VARIANT: u128 = 0b11 << 62;
    let words = [issuer, kind.as_str(), key];
    let bytes = words.iter().flat_map(|word| word.bytes().chain([0]));
    let hash = bytes.fold(BASIS, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME));
    let marked = (hash & !VERSION & !VARIANT) | (8 << 76) | (0b10 << 62);
    let hex = format!("{marked:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_served_resource_is_called_by_its_key() {
        let naming = Naming::Served { base: "https://ehs.example.in/fhir".into() };
        assert_eq!(naming.id(Type::Patient, "7"), "7");
        assert_eq!(naming.full_url(Type::Patient, "7"), "https://ehs.example.in/fhir/Patient/7");
        assert_eq!(naming.reference(Type::Patient, "7").reference, "Patient/7");
    }

    #[test]
    fn in_a_document_a_key_is_a_uuid_that_stays() {
        let naming = Naming::Document { issuer: "urn:ehs:patient-id".into() };
        let id = naming.id(Type::Patient, "7");
        assert_eq!(id, naming.id(Type::Patient, "7"));
        assert_eq!(naming.reference(Type::Patient, "7").reference, format!("urn:uuid:{id}"));
        assert_eq!((id.len(), id.as_bytes()[14], b"89ab".contains(&id.as_bytes()[19])), (36, b'8', true), "{id}");
        let others = [
            naming.id(Type::Patient, "8"),
            naming.id(Type::Condition, "7"),
            Naming::Document { issuer: "urn:other".into() }.id(Type::Patient, "7"),
        ];
        assert!(!others.contains(&id));
    }
}
