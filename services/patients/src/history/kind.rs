//! The eight kinds of entries, and what each may say. Pure.

chassis::words! {
    /// What an entry is about.
    pub enum Kind {
        /// A disease, a problem, a finding.
        Condition = "CONDITION",
        /// An allergy or intolerance.
        Allergy = "ALLERGY",
        /// A medicine that is or was taken.
        Medication = "MEDICATION",
        /// Something measured or seen: a laboratory result, a vital sign.
        Observation = "OBSERVATION",
        /// An operation, an intervention.
        Procedure = "PROCEDURE",
        /// A vaccination.
        Immunization = "IMMUNIZATION",
        /// A disease of a relative.
        FamilyHistory = "FAMILY_HISTORY",
        /// Free text.
        Note = "NOTE",
    }
}

chassis::words! {
    /// Where an entry, or a version of one, came from.
    pub enum Source {
        /// A user, over the API.
        Api = "API",
        /// An HL7 v2 message.
        Hl7 = "HL7",
        /// The dump of an older system.
        Import = "IMPORT",
    }
}

/// The status, of every kind, of what should never have been entered.
pub const ENTERED_IN_ERROR: &str = "ENTERED_IN_ERROR";

const MILD_TO_SEVERE: &[&str] = &["MILD", "MODERATE", "SEVERE"];
/// How bad a reaction was, or how bad one could be: `AllergyIntolerance.reaction.severity` and `.criticality`.
const OF_ALLERGIES: &[&str] = &["MILD", "MODERATE", "SEVERE", "LOW", "HIGH", "UNABLE_TO_ASSESS"];

impl Kind {
    /// The statuses besides [`ENTERED_IN_ERROR`], the usual one first: FHIR R4's value sets of `Condition.clinicalStatus`,
    /// `AllergyIntolerance.clinicalStatus`, `MedicationStatement.status`, `Observation.status`, `Procedure.status`,
    /// `Immunization.status`, `FamilyMemberHistory.status` and `Composition.status`.
    pub const fn statuses(self) -> &'static [&'static str] {
        match self {
            Self::Condition => &["ACTIVE", "RECURRENCE", "RELAPSE", "INACTIVE", "REMISSION", "RESOLVED"],
            Self::Allergy => &["ACTIVE", "INACTIVE", "RESOLVED"],
            Self::Medication => &["ACTIVE", "COMPLETED", "INTENDED", "STOPPED", "ON_HOLD", "UNKNOWN", "NOT_TAKEN"],
            Self::Observation => {
                &["FINAL", "REGISTERED", "PRELIMINARY", "AMENDED", "CORRECTED", "CANCELLED", "UNKNOWN"]
            }
            Self::Procedure => {
                &["COMPLETED", "PREPARATION", "IN_PROGRESS", "NOT_DONE", "ON_HOLD", "STOPPED", "UNKNOWN"]
            }
            Self::Immunization => &["COMPLETED", "NOT_DONE"],
            Self::FamilyHistory => &["COMPLETED", "PARTIAL", "HEALTH_UNKNOWN"],
            Self::Note => &["FINAL", "PRELIMINARY", "AMENDED"],
        }
    }

    /// The severities; none where there is no such thing.
    pub const fn severities(self) -> &'static [&'static str] {
        match self {
            Self::Condition => MILD_TO_SEVERE,
            Self::Allergy => OF_ALLERGIES,
            _ => &[],
        }
    }

    /// Whether it has a value: a result, a dose, or which relative it is.
    pub const fn has_value(self) -> bool {
        matches!(self, Self::Observation | Self::Medication | Self::Immunization | Self::FamilyHistory)
    }

    /// Whether its value has a unit.
    pub const fn has_unit(self) -> bool {
        matches!(self, Self::Observation | Self::Medication | Self::Immunization)
    }

    /// Whether it may lie ahead with this status: a medicine to be taken, an operation that is prepared.
    pub fn may_lie_ahead(self, status: &str) -> bool {
        matches!((self, status), (Self::Medication, "INTENDED") | (Self::Procedure, "PREPARATION"))
    }

    /// The member of the whole history that lists it.
    pub const fn list(self) -> &'static str {
        match self {
            Self::Condition => "conditions",
            Self::Allergy => "allergies",
            Self::Medication => "medications",
            Self::Observation => "observations",
            Self::Procedure => "procedures",
            Self::Immunization => "immunizations",
            Self::FamilyHistory => "family_history",
            Self::Note => "notes",
        }
    }
}

/// `Observation.interpretation`: the flags of HL7 table 0078, as laboratories send them; all but `OBX`, which says no more than
/// that other segments say it.
pub const INTERPRETATIONS: [&str; 43] = [
    "N", "L", "H", "LL", "HH", "LU", "HU", "<", ">", "A", "AA", "EX", "S", "I", "R", "SDD", "NS", "MS", "VS", "NCL",
    "IE", "SYN-R", "SYN-S", "POS", "NEG", "IND", "E", "DET", "ND", "RR", "NR", "WR", "EXP", "UNE", "CAR", "U", "D",
    "B", "W", "AC", "HM", "QCF", "TOX",
];
