//! Whether two records look like one person, and why. Pure.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use chassis::words;
use chrono::{Datelike, NaiveDate};
use serde::Serialize;
use utoipa::ToSchema;

use crate::patient::{Address, Facts};
use crate::search::sound;

words! {
    /// What speaks for or against two records being one person's.
    #[schema(as = DuplicateReason)]
    pub enum Reason {
        /// One ABHA number.
        SameAbhaNumber = "SAME_ABHA_NUMBER",
        /// Two ABHA numbers: hardly one person.
        OtherAbhaNumber = "OTHER_ABHA_NUMBER",
        /// One ABHA address.
        SameAbhaAddress = "SAME_ABHA_ADDRESS",
        /// The same words, in whatever order.
        SameName = "SAME_NAME",
        /// The same name in another transliteration.
        NameSoundsAlike = "NAME_SOUNDS_ALIKE",
        /// One name is the other without some of its words, or with initials for them.
        NameIsPartOfTheOther = "NAME_IS_PART_OF_THE_OTHER",
        /// Initials that would fit, and no more.
        InitialsOnly = "INITIALS_ONLY",
        /// A few letters differ.
        NameNearlyTheSame = "NAME_NEARLY_THE_SAME",
        /// One date of birth.
        SameBirth = "SAME_DATE_OF_BIRTH",
        /// Day and month changed places.
        SwappedBirth = "DATE_OF_BIRTH_SWAPPED",
        /// Day, month or year differs, and only one of them.
        BirthNearlyTheSame = "DATE_OF_BIRTH_NEARLY_THE_SAME",
        /// An estimate that comes near.
        BirthFitsEstimate = "DATE_OF_BIRTH_FITS_ESTIMATE",
        /// Born at another time.
        OtherBirth = "OTHER_DATE_OF_BIRTH",
        /// One phone number, which nobody else has.
        SamePhone = "SAME_PHONE",
        /// One phone number, which others have too: a family shares a handset.
        PhoneOfSeveral = "PHONE_OF_SEVERAL",
        /// One e-mail address.
        SameEmail = "SAME_EMAIL",
        /// A man and a woman.
        OtherGender = "OTHER_GENDER",
        /// One address, to the line.
        SameAddress = "SAME_ADDRESS",
    }
}

/// A reason, and how much it weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Weighed {
    /// The reason.
    pub reason: Reason,
    /// What it adds to the score; below zero where it speaks against.
    pub weight: i32,
}

/// How much two records look like one person's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Score {
    /// 0 to 100: the sum of the weights, kept within.
    pub total: i32,
    /// Why, the weightiest first.
    pub reasons: Vec<Weighed>,
}

/// The score of two people. `others_on_phone`: how many besides these two have the phone number, if it is one.
///
/// A name alone, a birthday alone (twins, and all whose birthday is a guess) or a phone alone (a family) is never enough, and
/// neither are the last two together.
pub fn score(one: &Facts, other: &Facts, others_on_phone: usize) -> Score {
    let reasons = [
        abha(one, other),
        same(&one.abha_address, &other.abha_address).then_some((Reason::SameAbhaAddress, 50)),
        names(&Words::of(one), &Words::of(other)),
        births(one, other),
        same(&one.phone, &other.phone).then_some(match others_on_phone {
            0 => (Reason::SamePhone, 20),
            1 | 2 => (Reason::PhoneOfSeveral, 10),
            _ => (Reason::PhoneOfSeveral, 5),
        }),
        same(&one.email, &other.email).then_some((Reason::SameEmail, 15)),
        genders(&one.gender, &other.gender),
        addresses(&one.address, &other.address).then_some((Reason::SameAddress, 10)),
    ];
    let mut reasons: Vec<Weighed> =
        reasons.into_iter().flatten().map(|(reason, weight)| Weighed { reason, weight }).collect();
    reasons.sort_by_key(|weighed| std::cmp::Reverse(weighed.weight.abs()));
    let total = reasons.iter().map(|weighed| weighed.weight).sum::<i32>().clamp(0, 100);
    Score { total, reasons }
}

/// The words of a name, as written and as heard; the same words are the same name in any order.
struct Words {
    written: BTreeSet<String>,
    heard: BTreeSet<String>,
}

impl Words {
    fn of(facts: &Facts) -> Self {
        let name = format!("{} {}", facts.first_name.expose(), facts.last_name.expose()).to_lowercase();
        let written: BTreeSet<String> =
            name.split(|c: char| !is_of_word(c)).filter(|word| !word.is_empty()).map(str::to_owned).collect();
        let heard = written.iter().map(|word| sound::of(word)).collect();
        Self { written, heard }
    }
}

/// Letters, digits, and the marks that make syllables of Indian scripts.
fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || !c.is_ascii() && !c.is_whitespace()
}

fn same<T: PartialEq>(one: &Option<T>, other: &Option<T>) -> bool {
    one.is_some() && one == other
}

fn abha(one: &Facts, other: &Facts) -> Option<(Reason, i32)> {
    match (&one.abha_number, &other.abha_number) {
        (Some(one), Some(other)) if one == other => Some((Reason::SameAbhaNumber, 90)),
        (Some(_), Some(_)) => Some((Reason::OtherAbhaNumber, -40)),
        _ => None,
    }
}

fn genders(one: &str, other: &str) -> Option<(Reason, i32)> {
    matches!((one, other), ("MALE", "FEMALE") | ("FEMALE", "MALE")).then_some((Reason::OtherGender, -20))
}

fn addresses(one: &Address, other: &Address) -> bool {
    let folded = |text: &chassis::phi::Phi<String>| -> String {
        text.expose().chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let lines = |address: &Address| (address.line1.as_ref().map(folded), address.pin_code.as_ref().map(folded));
    let (one, other) = (lines(one), lines(other));
    same(&one.0, &other.0) && same(&one.1, &other.1)
}

fn names(one: &Words, other: &Words) -> Option<(Reason, i32)> {
    if one.written.is_empty() || other.written.is_empty() {
        return None;
    }
    if one.written == other.written {
        return Some((Reason::SameName, 55));
    }
    if one.heard == other.heard {
        return Some((Reason::NameSoundsAlike, 53));
    }
    // Every word of the shorter name has its like in the longer one; of two that are equally long, either in the other.
    let percent = match one.heard.len().cmp(&other.heard.len()) {
        Ordering::Less => found(&one.heard, &other.heard),
        Ordering::Greater => found(&other.heard, &one.heard),
        Ordering::Equal => found(&one.heard, &other.heard).min(found(&other.heard, &one.heard)),
    };
    let is_initials = |words: &Words| words.heard.iter().all(|word| is_initial(word));
    let only_initials = is_initials(one) || is_initials(other);
    match percent {
        0 => None,
        100 if only_initials => Some((Reason::InitialsOnly, 15)),
        100 => Some((Reason::NameIsPartOfTheOther, 50)),
        percent => Some((Reason::NameNearlyTheSame, percent / 2)),
    }
}

/// The least of what each of some words finds in others, in percent.
fn found(words: &BTreeSet<String>, others: &BTreeSet<String>) -> i32 {
    let best = |word: &String| others.iter().map(|other| likeness(word, other)).max().unwrap_or_default();
    words.iter().map(best).min().unwrap_or_default()
}

fn births(one: &Facts, other: &Facts) -> Option<(Reason, i32)> {
    let (first, second) = (one.date_of_birth?, other.date_of_birth?);
    let estimated = one.date_of_birth_estimated || other.date_of_birth_estimated;
    let years = (first.year() - second.year()).abs();
    if estimated {
        // 1 January of a year is everybody's whose year alone is known.
        return match years {
            0..=2 => Some((Reason::BirthFitsEstimate, 15)),
            3..=7 => None,
            _ => Some((Reason::OtherBirth, -10)),
        };
    }
    let is_swapped = first.year() == second.year() && (first.day(), first.month()) == (second.month(), second.day());
    let equal = [first.day() == second.day(), first.month() == second.month(), years == 0];
    match equal.into_iter().filter(|equal| *equal).count() {
        3 => Some((Reason::SameBirth, 30)),
        _ if is_swapped => Some((Reason::SwappedBirth, 20)),
        2 => Some((Reason::BirthNearlyTheSame, 10)),
        _ => Some((Reason::OtherBirth, -20)),
    }
}

/// Day and month in each other's place, where that is a date.
pub fn swapped(date: NaiveDate) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(date.year(), date.day(), date.month())
}

fn is_initial(word: &str) -> bool {
    word.chars().nth(1).is_none()
}

/// How alike two heard words are, in percent; an initial is like every name that starts with it.
fn likeness(one: &str, other: &str) -> i32 {
    if is_initial(one) || is_initial(other) {
        return if one.chars().next() == other.chars().next() { 100 } else { 0 };
    }
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let longest = one.len().max(other.len());
    let distance = edits(&one, &other).min(longest);
    let percent = i32::try_from((longest - distance) * 100 / longest.max(1)).unwrap_or_default();
    // Half of the letters are shared by chance (Ram, Shyam).
    if percent < 60 { 0 } else { percent }
}

/// Levenshtein's distance.
fn edits(one: &[char], other: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.iter().enumerate() {
        let mut before = line;
        let mut left = line + 1;
        let mut next = vec![left];
        for (candidate, above) in other.iter().zip(row.iter().skip(1)) {
            let here = (before + usize::from(letter != candidate)).min(above + 1).min(left + 1);
            before = *above;
            left = here;
            next.push(here);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
#[path = "score_tests.rs"]
mod tests;
