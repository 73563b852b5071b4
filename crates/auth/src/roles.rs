//! The seven roles of a hospital's staff and patients.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What somebody is in the hospital; everyone has exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Role {
    /// Runs the system; may do everything but review the audit log's break-glass entries.
    Admin,
    /// Treats patients.
    Doctor,
    /// Looks after the patients of her department's doctors.
    Nurse,
    /// Registers patients, books appointments, drafts invoices, takes payments.
    Receptionist,
    /// Issues invoices, takes and refunds payments.
    Accountant,
    /// Reads the audit log, and no patient's data.
    Auditor,
    /// A patient, or someone who registered to become one.
    Patient,
}

impl Role {
    /// Every role, in the order of the permission table's columns.
    pub const ALL: [Self; 7] =
        [Self::Admin, Self::Doctor, Self::Nurse, Self::Receptionist, Self::Accountant, Self::Auditor, Self::Patient];

    /// The role as tokens, JSON and the database write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "ADMIN",
            Self::Doctor => "DOCTOR",
            Self::Nurse => "NURSE",
            Self::Receptionist => "RECEPTIONIST",
            Self::Accountant => "ACCOUNTANT",
            Self::Auditor => "AUDITOR",
            Self::Patient => "PATIENT",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The word is no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not one of ADMIN, DOCTOR, NURSE, RECEPTIONIST, ACCOUNTANT, AUDITOR, PATIENT")]
pub struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|role| role.as_str() == word).ok_or(UnknownRole)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_role_is_written_one_way() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
            assert_eq!(serde_json::from_value::<Role>(role.as_str().into()).unwrap(), role);
        }
    }

    #[test]
    fn no_other_word_is_a_role() {
        for word in ["", "admin", "Admin", "ADMIN ", "ROOT", "ADMIN\0"] {
            assert_eq!(word.parse::<Role>(), Err(UnknownRole), "{word:?}");
        }
    }
}
