//! Whether two records look like one person. The score is pure; only [`possible`] asks the database for candidates.

use chassis::phi::Phi;
use chrono::{Datelike, NaiveDate};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::access::{Scope, visible_to};
use crate::patient::Facts;
use crate::schema::patients;
use crate::search::sound;

/// Scores from here on are told.
const TOLD: u32 = 70;
/// Candidates that are scored at most.
const CANDIDATES: i64 = 200;
/// Duplicates that are told at most.
const AT_MOST: usize = 10;

/// Somebody, as far as the score looks at them.
pub struct Person<'a> {
    /// Names in any order.
    pub names: Vec<String>,
    /// Date of birth.
    pub birth: Option<NaiveDate>,
    /// E.164.
    pub phone: Option<&'a str>,
}

impl<'a> Person<'a> {
    fn of(facts: &'a Facts) -> Self {
        let phone = facts.phone.as_ref().map(|phone| phone.expose().as_str());
        Self::named(facts.first_name.expose(), facts.last_name.expose(), facts.date_of_birth, phone)
    }

    /// Somebody by name, date of birth and phone.
    pub fn named(first: &str, last: &str, birth: Option<NaiveDate>, phone: Option<&'a str>) -> Self {
        let words = format!("{first} {last}");
        let names =
            words.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(sound::of).collect();
        Self { names, birth, phone }
    }
}

/// How much two people look like one, 0 to 100: name 50, date of birth 30, phone 20. A family shares a phone and twins a
/// birthday, so that neither nor both of them are enough without the name.
pub fn score(one: &Person<'_>, other: &Person<'_>) -> u32 {
    let phone = if one.phone.is_some() && one.phone == other.phone { 20 } else { 0 };
    names(&one.names, &other.names) / 2 + births(one.birth, other.birth) + phone
}

/// Ids of the visible patients that somebody new may be.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn possible(conn: &mut AsyncPgConnection, scope: &Scope, facts: &Facts) -> QueryResult<Vec<i64>> {
    type Row = (i64, Phi<String>, Phi<String>, Option<NaiveDate>, Option<Phi<String>>);
    // Both halves have an index; without a date and a phone there is nobody to compare with.
    let alike = patients::date_of_birth.eq(facts.date_of_birth).or(patients::phone.eq(facts.phone.clone()));
    let rows: Vec<Row> = visible_to(scope)
        .filter(alike)
        .select((patients::id, patients::first_name, patients::last_name, patients::date_of_birth, patients::phone))
        .limit(CANDIDATES)
        .load(conn)
        .await?;
    let new = Person::of(facts);
    let mut told: Vec<(u32, i64)> = rows
        .iter()
        .map(|(id, first, last, birth, phone)| {
            let phone = phone.as_ref().map(|phone| phone.expose().as_str());
            (score(&new, &Person::named(first.expose(), last.expose(), *birth, phone)), *id)
        })
        .filter(|(score, _)| *score >= TOLD)
        .collect();
    told.sort_unstable_by(|one, other| other.cmp(one));
    Ok(told.into_iter().take(AT_MOST).map(|(_, id)| id).collect())
}

/// The least of what each name of the shorter list finds in the longer one, in percent.
fn names(one: &[String], other: &[String]) -> u32 {
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    let best = |name: &String| long.iter().map(|candidate| likeness(name, candidate)).max().unwrap_or_default();
    short.iter().map(best).min().unwrap_or_default()
}

fn births(one: Option<NaiveDate>, other: Option<NaiveDate>) -> u32 {
    match (one, other) {
        (Some(one), Some(other)) if one == other => 30,
        // Day and month are often swapped.
        (Some(one), Some(other))
            if one.year() == other.year() && one.day() == other.month() && one.month() == other.day() =>
        {
            20
        }
        _ => 0,
    }
}

/// How alike two words are, in percent; an initial is like every name that starts with it.
fn likeness(one: &str, other: &str) -> u32 {
    let is_initial = |word: &str| word.chars().nth(1).is_none();
    if is_initial(one) || is_initial(other) {
        return if one.chars().next() == other.chars().next() { 100 } else { 0 };
    }
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let longest = one.len().max(other.len());
    let distance = edits(&one, &other).min(longest);
    let percent = u32::try_from((longest - distance) * 100 / longest.max(1)).unwrap_or_default();
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
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const PHONE: Option<&str> = Some("+919876543210");

    fn told(one: (&str, &str, &str, Option<&'static str>), other: (&str, &str, &str, Option<&'static str>)) -> bool {
        let person = |(first, last, birth, phone): (&str, &str, &str, Option<&'static str>)| {
            Person::named(first, last, birth.parse().ok(), phone)
        };
        let (one, other) = (person(one), person(other));
        assert_eq!(score(&one, &other), score(&other, &one));
        score(&one, &other) >= TOLD
    }

    #[test]
    fn one_person_written_in_two_ways() {
        let lakshmi = ("Lakshmi", "Raman", "1980-04-12", PHONE);
        for other in [
            ("Laxmi", "Raman", "1980-04-12", None),
            ("R", "Lakshmi", "1980-04-12", PHONE),
            ("Lakshmi", "", "", PHONE),
            ("Lakshmee", "Ramann", "1980-12-04", PHONE),
            ("Raman", "Lakshmi", "1980-04-12", None),
        ] {
            assert!(told(lakshmi, other), "{other:?}");
        }
    }

    #[test]
    fn a_family_and_twins_and_namesakes_are_several() {
        let ram = ("Ram", "Kumar", "2015-06-01", PHONE);
        for other in [
            ("Shyam", "Kumar", "2015-06-01", PHONE),
            ("Sita", "Kumar", "1985-01-01", PHONE),
            ("Ram", "Kumar", "1970-02-03", None),
            ("Ram", "Kumar", "", None),
        ] {
            assert!(!told(ram, other), "{other:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn the_score_is_bounded_and_everyone_is_like_themselves(first in "\\PC{0,12}", last in "\\PC{0,12}") {
            let birth = NaiveDate::from_ymd_opt(1980, 4, 12);
            let person = Person::named(&first, &last, birth, PHONE);
            let score = score(&person, &person);
            proptest::prop_assert!(score <= 100);
            proptest::prop_assert!(person.names.is_empty() || score == 100);
        }
    }
}
