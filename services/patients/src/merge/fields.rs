//! Which fields of two records become those of one, and which become what they were again. Pure.

use chassis::words;

use crate::patient::Facts;

words! {
    /// What the records of one person can differ in. An address, an emergency contact, a date of birth and whether it is
    /// estimated go as a whole.
    pub enum Field {
        /// The first name, or the only one.
        FirstName = "first_name",
        /// The last name.
        LastName = "last_name",
        /// The date of birth, with `date_of_birth_estimated`.
        DateOfBirth = "date_of_birth",
        /// The gender.
        Gender = "gender",
        /// The e-mail address.
        Email = "email",
        /// The phone number.
        Phone = "phone",
        /// The blood group.
        BloodGroup = "blood_group",
        /// The whole address.
        Address = "address",
        /// The ABHA number.
        AbhaNumber = "abha_number",
        /// The ABHA address.
        AbhaAddress = "abha_address",
        /// Whom to call.
        EmergencyContact = "emergency_contact",
        /// The preferred language.
        PreferredLanguage = "preferred_language",
        /// The primary doctor.
        PrimaryDoctor = "primary_doctor",
        /// The patient's account.
        User = "user",
    }
}

words! {
    /// Whose value of a field stays.
    pub enum Kept {
        /// The surviving record's.
        Target = "TARGET",
        /// That of the record which is merged into it.
        Source = "SOURCE",
    }
}

/// The facts of a merged record, and how they came about.
pub struct Combined {
    /// The facts.
    pub facts: Facts,
    /// Fields that the surviving record did not have.
    pub filled: Vec<Field>,
    /// Fields that both have and in which they differ, and whose value stays.
    pub conflicts: Vec<(Field, Kept)>,
}

/// The facts of a record from which a merge is taken back.
pub struct Restored {
    /// The facts.
    pub facts: Facts,
    /// Fields that the merge changed and somebody has changed since: they stay as they are.
    pub kept: Vec<Field>,
}

/// Two records as one: the target's values stay, where it has none the source's are filled in, and where they differ the
/// source's are taken if `take` says so. A name is never filled in: a last name may be missing because there is none.
pub fn combine(target: &Facts, source: &Facts, take: &[Field]) -> Combined {
    let mut combined = Combined { facts: target.clone(), filled: Vec::new(), conflicts: Vec::new() };
    for field in Field::ALL.iter().copied() {
        if field.is_same(target, source) || field.is_empty(source) {
            continue;
        }
        if field.is_empty(target) {
            combined.filled.push(field);
            field.copy(source, &mut combined.facts);
        } else if take.contains(&field) {
            combined.conflicts.push((field, Kept::Source));
            field.copy(source, &mut combined.facts);
        } else {
            combined.conflicts.push((field, Kept::Target));
        }
    }
    combined
}

/// A record as it was before a merge that made `after` of `before`, but for what was edited since.
pub fn restore(now: &Facts, before: &Facts, after: &Facts) -> Restored {
    let mut restored = Restored { facts: now.clone(), kept: Vec::new() };
    for field in Field::ALL.iter().copied().filter(|field| !field.is_same(before, after)) {
        if field.is_same(now, after) {
            field.copy(before, &mut restored.facts);
        } else {
            restored.kept.push(field);
        }
    }
    restored
}

impl Field {
    /// Whether two records do not differ in it.
    pub fn is_same(self, one: &Facts, other: &Facts) -> bool {
        let mut copy = one.clone();
        self.copy(other, &mut copy);
        copy == *one
    }

    /// Whether a record says nothing of it.
    fn is_empty(self, facts: &Facts) -> bool {
        let is_name = matches!(self, Self::FirstName | Self::LastName);
        !is_name && self.is_same(facts, &Facts::of(facts.first_name.clone(), facts.last_name.clone()))
    }

    /// Puts one record's value of it in the place of the other's.
    pub fn copy(self, from: &Facts, to: &mut Facts) {
        match self {
            Self::FirstName => to.first_name.clone_from(&from.first_name),
            Self::LastName => to.last_name.clone_from(&from.last_name),
            Self::DateOfBirth => {
                to.date_of_birth = from.date_of_birth;
                to.date_of_birth_estimated = from.date_of_birth_estimated;
            }
            Self::Gender => to.gender.clone_from(&from.gender),
            Self::Email => to.email.clone_from(&from.email),
            Self::Phone => to.phone.clone_from(&from.phone),
            Self::BloodGroup => to.blood_group.clone_from(&from.blood_group),
            Self::Address => to.address.clone_from(&from.address),
            Self::AbhaNumber => to.abha_number.clone_from(&from.abha_number),
            Self::AbhaAddress => to.abha_address.clone_from(&from.abha_address),
            Self::EmergencyContact => to.emergency_contact.clone_from(&from.emergency_contact),
            Self::PreferredLanguage => to.preferred_language.clone_from(&from.preferred_language),
            Self::PrimaryDoctor => to.primary_doctor = from.primary_doctor,
            Self::User => to.user_id = from.user_id,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use chassis::phi::Phi;
    use proptest::prelude::*;

    use super::*;
    use crate::patient::{Address, EmergencyContact};

    fn text() -> impl Strategy<Value = Option<Phi<String>>> {
        proptest::option::of("[ab]").prop_map(|text| text.map(Phi::new))
    }

    fn facts() -> impl Strategy<Value = Facts> {
        let texts = (text(), text(), text(), text(), text(), text(), text());
        let rest =
            ("[ab]", "[ab]?", proptest::option::of(1..3_i64), proptest::option::of(1..3_i64), any::<bool>(), 0..3_u32);
        (texts, rest, text()).prop_map(|((email, phone, blood, number, abha, language, city), rest, contact)| {
            let (first, last, doctor, user, estimated, day) = rest;
            Facts {
                first_name: Phi::new(first),
                last_name: Phi::new(last),
                date_of_birth: chrono::NaiveDate::from_ymd_opt(1980, 1, day),
                date_of_birth_estimated: estimated && day > 0,
                gender: if estimated { "FEMALE" } else { "UNKNOWN" }.to_owned(),
                email,
                phone,
                blood_group: blood,
                address: Address { city, ..Address::default() },
                abha_number: number,
                abha_address: abha,
                emergency_contact: contact.map(|name| EmergencyContact { name, relationship: None, phone: None }),
                preferred_language: language,
                primary_doctor: doctor,
                user_id: user,
                is_active: true,
            }
        })
    }

    proptest! {
        #[test]
        fn what_is_taken_back_is_what_was(target in facts(), source in facts(), take in proptest::sample::subsequence(Field::ALL, 0..14)) {
            let combined = combine(&target, &source, &take);
            let restored = restore(&combined.facts, &target, &combined.facts);
            prop_assert!(restored.facts == target && restored.kept.is_empty());
            for field in Field::ALL {
                prop_assert!(field.is_same(&combined.facts, &target) || field.is_same(&combined.facts, &source));
            }
            let again = combine(&combined.facts, &source, &take);
            prop_assert!(again.facts == combined.facts && again.filled.is_empty());
        }

        #[test]
        fn what_was_edited_since_stays(target in facts(), source in facts(), edited in facts()) {
            let combined = combine(&target, &source, &[]);
            let restored = restore(&edited, &target, &combined.facts);
            for field in Field::ALL.iter().copied() {
                let untouched = field.is_same(&target, &combined.facts) || !field.is_same(&edited, &combined.facts);
                let expected = if untouched { &edited } else { &target };
                prop_assert!(field.is_same(&restored.facts, expected), "{field:?}");
            }
        }

        #[test]
        fn every_difference_is_filled_or_told(target in facts(), source in facts()) {
            let combined = combine(&target, &source, &[]);
            for field in Field::ALL.iter().copied().filter(|field| !field.is_same(&target, &source)) {
                let told = combined.filled.contains(&field) || combined.conflicts.contains(&(field, Kept::Target));
                prop_assert!(told || field.is_empty(&source), "{field:?}");
            }
        }
    }

    #[test]
    fn every_field_of_a_patient_is_one_of_these() {
        let one = Facts { is_active: false, ..Facts::default() };
        let other = Facts {
            last_name: Phi::new("Raman".to_owned()),
            ..serde_json::from_value(serde_json::json!({
                "first_name": "Lakshmi", "date_of_birth": "1980-04-12", "date_of_birth_estimated": true, "gender": "FEMALE",
                "email": "l@x.in", "phone": "+919876543210", "blood_group": "A+", "address": {"city": "Chennai"},
                "abha_number": "91123456789012", "abha_address": "lakshmi@abdm", "emergency_contact": {"name": "Sita"},
                "preferred_language": "ta", "primary_doctor": 2, "user_id": 8,
            }))
            .unwrap()
        };
        let mut known: Vec<&str> = Field::ALL.iter().map(|field| field.as_str()).collect();
        known.extend(["date_of_birth_estimated", "is_active"]);
        known.sort_unstable();
        let mut differing = one.differences(&other);
        differing.sort_unstable();
        assert_eq!(differing, known);
    }
}
