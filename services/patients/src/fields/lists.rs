//! Fields with a list of values.

use chassis::strict_json::Fault;
use deserr::Deserr;
use serde::Serialize;
use utoipa::ToSchema;

use super::Rule;

/// Administrative gender.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserr, Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
#[deserr(try_from(String) = Gender::of -> Fault)]
pub enum Gender {
    /// Male.
    Male,
    /// Female.
    Female,
    /// Neither.
    Other,
    /// Not known, or not told.
    #[default]
    Unknown,
}

impl Gender {
    const ALL: [Self; 4] = [Self::Male, Self::Female, Self::Other, Self::Unknown];

    /// The word that the contract and the database use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Male => "MALE",
            Self::Female => "FEMALE",
            Self::Other => "OTHER",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// The gender that a word names.
    ///
    /// # Errors
    /// `unknown_value`.
    pub fn of(word: String) -> Result<Self, Fault> {
        Self::ALL
            .into_iter()
            .find(|gender| gender.as_str() == word)
            .ok_or_else(|| Fault::new("unknown_value", "must be one of MALE, FEMALE, OTHER, UNKNOWN"))
    }
}

/// A blood group of the ABO and Rh systems.
pub struct BloodGroup;

const BLOOD_GROUPS: [&str; 8] = ["A+", "A-", "B+", "B-", "AB+", "AB-", "O+", "O-"];

impl Rule for BloodGroup {
    fn canonical(text: &str) -> Result<String, Fault> {
        let group = text.to_uppercase().replace(['\u{2212}', '\u{2013}'], "-").replace(' ', "").replace("VE", "");
        if BLOOD_GROUPS.contains(&group.as_str()) {
            Ok(group)
        } else {
            Err(Fault::new("unknown_value", "must be one of A+, A-, B+, B-, AB+, AB-, O+, O-"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blood_groups_as_people_write_them() {
        for (text, kept) in [("o+", "O+"), ("AB −", "AB-"), ("B +ve", "B+")] {
            assert_eq!(BloodGroup::canonical(text).ok().as_deref(), Some(kept), "{text}");
        }
        for text in ["C+", "A", "O", "+", "A+B"] {
            assert!(BloodGroup::canonical(text).is_err(), "{text}");
        }
    }
}
