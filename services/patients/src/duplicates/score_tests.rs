use chassis::phi::Phi;
use proptest::prelude::*;

use super::*;
use crate::duplicates::TOLD;

const PHONE: &str = "+919876543210";

/// Names, date of birth (`~` before an estimate), phone.
type Said = (&'static str, &'static str, &'static str, Option<&'static str>);

fn person((first, last, birth, phone): Said) -> Facts {
    Facts {
        date_of_birth: birth.trim_start_matches('~').parse().ok(),
        date_of_birth_estimated: birth.starts_with('~'),
        phone: phone.map(|phone| Phi::new(phone.to_owned())),
        ..Facts::of(Phi::new(first.to_owned()), Phi::new(last.to_owned()))
    }
}

fn told(one: Said, other: Said, others: usize) -> bool {
    score(&person(one), &person(other), others).total >= TOLD
}

#[test]
fn one_person_written_in_two_ways() {
    let lakshmi = ("Lakshmi", "Raman", "1980-04-12", Some(PHONE));
    for other in [
        ("Laxmi", "Raman", "1980-04-12", None),
        ("R", "Lakshmi", "1980-04-12", Some(PHONE)),
        ("Lakshmi", "", "", Some(PHONE)),
        ("Lakshmee", "Ramann", "1980-12-04", Some(PHONE)),
        ("Raman", "Lakshmi", "1980-04-12", None),
        ("Lakshmi", "Raman", "~1981-01-01", Some(PHONE)),
        ("Lakshmi", "Raman", "1980-04-13", Some(PHONE)),
    ] {
        assert!(told(lakshmi, other, 0), "{other:?}: {:?}", score(&person(lakshmi), &person(other), 0));
    }
}

#[test]
fn a_family_and_twins_and_namesakes_are_several() {
    let ram = ("Ram", "Kumar", "2015-06-01", Some(PHONE));
    for other in [
        ("Shyam", "Kumar", "2015-06-01", Some(PHONE)),
        ("Sita", "Kumar", "1985-01-01", Some(PHONE)),
        ("Ram", "Kumar", "1970-02-03", Some(PHONE)),
        ("Ram", "Kumar", "1970-02-03", None),
        ("Ram", "Kumar", "", None),
        ("R", "", "2015-06-01", Some(PHONE)),
    ] {
        assert!(!told(ram, other, 0), "{other:?}: {:?}", score(&person(ram), &person(other), 0));
    }
}

#[test]
fn a_phone_that_a_family_shares_weighs_less() {
    let (lakshmi, again) = (("Lakshmi", "Raman", "1980-04-12", Some(PHONE)), ("Lakshmi", "", "", Some(PHONE)));
    assert!(told(lakshmi, again, 0));
    assert!(!told(lakshmi, again, 1));
    let weighed = score(&person(lakshmi), &person(again), 4).reasons;
    assert!(weighed.contains(&Weighed { reason: Reason::PhoneOfSeveral, weight: 5 }), "{weighed:?}");
}

#[test]
fn numbers_speak_for_and_against() {
    let with = |number: Option<&str>, said: Said| Facts {
        abha_number: number.map(|number| Phi::new(number.to_owned())),
        ..person(said)
    };
    let (lakshmi, married) = (("Lakshmi", "Raman", "1980-04-12", None), ("Lakshmi", "Iyer", "1980-04-12", None));
    let number = Some("91123456789012");
    assert!(score(&with(number, lakshmi), &with(number, married), 0).total >= TOLD);
    let against = score(&with(number, lakshmi), &with(Some("91123456789013"), lakshmi), 0);
    assert!(against.total < TOLD, "{against:?}");
}

fn facts() -> impl Strategy<Value = Facts> {
    let name =
        proptest::sample::select(vec!["Lakshmi", "Laxmi", "Raman", "R", "Ram", "Shyam", "लक्ष्मी", "", "O'Brien", "1"]);
    let date = proptest::option::of((1975..1985_i32, 1..13_u32, 1..29_u32));
    let small = (any::<bool>(), proptest::option::of(0..3_u8), proptest::option::of(0..2_u8), 0..3_usize);
    (name.clone(), name, date, small, proptest::option::of("[ab]")).prop_map(|(first, last, date, small, text)| {
        let (estimated, phone, abha, gender) = small;
        Facts {
            date_of_birth: date.and_then(|(year, month, day)| NaiveDate::from_ymd_opt(year, month, day)),
            date_of_birth_estimated: estimated,
            phone: phone.map(|n| Phi::new(format!("+91987654321{n}"))),
            abha_number: abha.map(|n| Phi::new(format!("9112345678901{n}"))),
            gender: ["MALE", "FEMALE", "UNKNOWN"].get(gender).copied().unwrap_or("OTHER").to_owned(),
            email: text.clone().map(Phi::new),
            address: Address { line1: text.clone().map(Phi::new), pin_code: text.map(Phi::new), ..Address::default() },
            ..Facts::of(Phi::new(first.to_owned()), Phi::new(last.to_owned()))
        }
    })
}

proptest! {
    #[test]
    fn the_score_is_within_bounds_and_explained_and_the_same_both_ways(one in facts(), other in facts(), others in 0..6_usize) {
        let found = score(&one, &other, others);
        prop_assert!((0..=100).contains(&found.total));
        prop_assert_eq!(found.total, found.reasons.iter().map(|weighed| weighed.weight).sum::<i32>().clamp(0, 100));
        prop_assert!(found.reasons.iter().all(|weighed| weighed.weight != 0));
        prop_assert_eq!(found, score(&other, &one, others));
    }

    #[test]
    fn nothing_speaks_against_oneself(one in facts()) {
        prop_assert!(score(&one, &one, 0).reasons.iter().all(|weighed| weighed.weight > 0));
    }

    #[test]
    fn the_more_share_a_phone_the_less_it_says(one in facts(), other in facts(), others in 0..6_usize) {
        prop_assert!(score(&one, &other, others + 1).total <= score(&one, &other, others).total);
    }

    #[test]
    fn a_shared_birthday_and_phone_without_the_name_are_never_enough(one in facts(), other in facts()) {
        let found = score(&one, &other, 0);
        let by = |some: &[Reason]| found.reasons.iter().any(|weighed| some.contains(&weighed.reason));
        let name = [Reason::SameName, Reason::NameSoundsAlike, Reason::NameIsPartOfTheOther, Reason::NameNearlyTheSame];
        prop_assert!(found.total < TOLD || by(&name) || by(&[Reason::SameAbhaNumber, Reason::SameEmail]), "{:?}", found.reasons);
    }

    #[test]
    fn one_name_in_two_transliterations_is_one_name(
        syllables in proptest::collection::vec(proptest::sample::select(vec![("v", "w"), ("i", "ee"), ("u", "oo"), ("s", "sh"), ("t", "th"), ("a", "aa"), ("m", "m"), ("k", "k")]), 2..8),
        choice in any::<u8>(),
    ) {
        let one: String = syllables.iter().map(|(plain, _)| *plain).collect();
        let other: String =
            syllables.iter().enumerate().map(|(n, (plain, written))| if choice >> (n % 8) & 1 == 0 { *plain } else { *written }).collect();
        // Where two syllables meet, letters may read as a digraph of their own; those are other names.
        prop_assume!(sound::of(&one) == sound::of(&other) && one.chars().count() > 1);
        let person = |name: &str| Facts::of(Phi::new(name.to_owned()), Phi::new("Raman".to_owned()));
        let found = score(&person(&one), &person(&other), 0);
        prop_assert!(found.total >= 53, "{one} {other} {found:?}");
    }

    #[test]
    fn any_name_is_read_without_panic(first in "\\PC{0,12}", last in "\\PC{0,12}") {
        let person = Facts::of(Phi::new(first), Phi::new(last));
        let _ = score(&person, &person, 0);
    }
}
