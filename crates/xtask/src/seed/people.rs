//! Patients with Indian names: each a function of their number alone, so that the first ten thousand of a million are the
//! ten thousand.

use std::fmt::Write as _;

use super::names::{COMMUNITIES, Community, ENDS, ROOTS, STEMS, Style};

/// The columns that [`Person::line`] fills, as COPY names them.
pub const COLUMNS: &str = "first_name, last_name, date_of_birth, date_of_birth_estimated, gender, email, phone, address, \
     abha_number, abha_address, primary_doctor";
/// What ends an e-mail address.
const MAILS: [&str; 6] =
    ["gmail.example", "gmail.example", "gmail.example", "yahoo.example", "rediffmail.example", "hospital.example"];

/// Numbers that look random and are the same in every run (SplitMix64).
#[derive(Clone, Debug)]
pub struct Seeded(u64);

impl Seeded {
    /// Begins the sequence of this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, from 0 to below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound.max(1)
    }

    /// Whether something happens that happens to so many in a hundred.
    fn happens(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of these.
    pub fn one_of<'a, T>(&mut self, things: &'a [T]) -> Option<&'a T> {
        let bound = u64::try_from(things.len()).ok()?;
        things.get(usize::try_from(self.below(bound)).ok()?)
    }

    /// One of these, the first ones much oftener than the last ones.
    fn often_first(&mut self, names: &[&'static str]) -> &'static str {
        let len = u64::try_from(names.len()).unwrap_or(1);
        let one = self.below(1000);
        let at = one * one * len / 1_000_000;
        usize::try_from(at).ok().and_then(|at| names.get(at)).copied().unwrap_or("Ram")
    }
}

/// A patient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The first name, or the only one.
    pub first: String,
    /// The last name; often empty.
    pub last: String,
    /// Ten digits; a family shares them.
    pub phone: u64,
    /// E-mail address, where there is one.
    pub email: Option<String>,
    gender: &'static str,
    born: (u64, u64, u64),
    estimated: bool,
    address: String,
    abha: Option<u64>,
    number: u64,
    doctor: Option<u64>,
}

/// The patient of a number.
pub fn person(number: u64) -> Person {
    let mut dice = Seeded::new(number.wrapping_mul(0xD134_2543_DE82_EF95) ^ 20_261_123);
    let community = community(&mut dice);
    let is_woman = dice.happens(52);
    let (first, last) = names(&mut dice, community, is_woman);
    let (year, month, day) = (1930 + dice.below(96), 1 + dice.below(12), 1 + dice.below(28));
    let estimated = dice.happens(20);
    let gender = match dice.below(200) {
        0 => "OTHER",
        1 => "UNKNOWN",
        _ if is_woman => "FEMALE",
        _ => "MALE",
    };
    let email = dice.happens(25).then(|| email(&mut dice, &first, &last));
    Person {
        phone: phone(if dice.happens(30) { number.saturating_sub(1) } else { number }),
        gender,
        born: if estimated { (year, 1, 1) } else { (year, month, day) },
        estimated,
        address: address(&mut dice, community),
        // Numbers of their own below one prefix, so that no two are alike.
        number,
        abha: dice.happens(20).then(|| 91_000_000_000_000 + number * 7 + dice.below(7)),
        doctor: dice.happens(40).then(|| dice.below(1_000_000)),
        first,
        last,
        email,
    }
}

/// Ten digits of a mobile, begun as the real ones are: most with 9, few with 6.
fn phone(household: u64) -> u64 {
    let mut dice = Seeded::new(household ^ 0x5EED_0000_0000_0001);
    let begins = [9, 9, 9, 9, 8, 8, 8, 7, 7, 6];
    let first = dice.one_of(&begins).copied().unwrap_or(9);
    first * 1_000_000_000 + dice.below(1_000_000_000)
}

fn community(dice: &mut Seeded) -> &'static Community {
    let mut left = dice.below(100);
    for community in &COMMUNITIES {
        if left < community.share {
            return community;
        }
        left -= community.share;
    }
    let [first, ..] = &COMMUNITIES;
    first
}

fn names(dice: &mut Seeded, community: &Community, is_woman: bool) -> (String, String) {
    let given = given(dice, if is_woman { community.women } else { community.men });
    if dice.happens(7) {
        return (given, String::new());
    }
    let family = dice.often_first(community.families);
    let family = spelt(dice, family);
    match community.style {
        Style::Patronym if dice.happens(60) => {
            let initial: String = family.chars().take(1).collect();
            match dice.below(3) {
                0 => (format!("{initial}. {given}"), String::new()),
                1 => (given, initial),
                _ => (initial, given),
            }
        }
        _ if dice.happens(15) => {
            let middle = dice.often_first(community.middle);
            (format!("{given} {middle}"), family)
        }
        _ => (given, family),
    }
}

/// Mostly a known name, at times one that few bear.
fn given(dice: &mut Seeded, known: &[&'static str]) -> String {
    if dice.happens(88) {
        let name = dice.often_first(known);
        return spelt(dice, name);
    }
    let parts = [dice.one_of(&ROOTS), dice.one_of(&STEMS), dice.one_of(&ENDS)];
    parts.into_iter().flatten().copied().collect()
}

/// A name as one of those writes it who do not write it as most do.
fn spelt(dice: &mut Seeded, name: &str) -> String {
    const WAYS: [(&str, &str); 12] = [
        ("sh", "s"),
        ("th", "t"),
        ("ee", "i"),
        ("oo", "u"),
        ("v", "w"),
        ("ksh", "x"),
        ("a", "aa"),
        ("i", "ee"),
        ("u", "oo"),
        ("n", "nn"),
        ("t", "th"),
        ("l", "ll"),
    ];
    if !dice.happens(12) {
        return name.to_owned();
    }
    let way = dice.one_of(&WAYS).copied().unwrap_or(("", ""));
    name.replacen(way.0, way.1, 1)
}

fn email(dice: &mut Seeded, first: &str, last: &str) -> String {
    let part = |name: &str| -> String {
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    let (first, last) = (part(first), part(last));
    let number = dice.below(1000);
    let local = match dice.below(5) {
        0 if !last.is_empty() => format!("{first}.{last}"),
        1 => format!("{first}{last}{number}"),
        2 => format!("{first}_{number}"),
        3 if !last.is_empty() => format!("{last}.{first}{number}"),
        _ => format!("{first}{number}"),
    };
    let host = dice.one_of(&MAILS).copied().unwrap_or("hospital.example");
    format!("{local}@{host}")
}

fn address(dice: &mut Seeded, community: &Community) -> String {
    let (town, state, pin) = dice.one_of(community.towns).copied().unwrap_or(("Pune", "Maharashtra", 411_001));
    let (house, offset) = (1 + dice.below(400), dice.below(60));
    format!(
        r#"{{"line1": "{house}, Gandhi Road", "city": "{town}", "state": "{state}", "pin_code": "{}", "country": "IN"}}"#,
        pin + offset
    )
}

impl Person {
    /// A line for COPY, in the order of [`COLUMNS`]. Doctors are those of the hospital; none has nobody.
    pub fn line(&self, doctors: &[u64]) -> String {
        let mut line = String::with_capacity(256);
        let (year, month, day) = self.born;
        let _ = write!(
            line,
            "{}\t{}\t{year}-{month:02}-{day:02}\t{}\t{}\t",
            self.first, self.last, self.estimated, self.gender
        );
        let doctor = self.doctor.and_then(|dice| Seeded::new(dice).one_of(doctors).copied());
        let _ = write!(line, "{}\t+91{}\t{}\t", self.email.as_deref().unwrap_or("\\N"), self.phone, self.address);
        let _ = match self.abha {
            Some(abha) => write!(line, "{abha}\t"),
            None => write!(line, "\\N\t"),
        };
        let _ = write!(line, "seed{}@sbx\t", self.number);
        let _ = match doctor {
            Some(doctor) => writeln!(line, "{doctor}"),
            None => writeln!(line, "\\N"),
        };
        line
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_same_people_every_time() {
        let lines = |range: std::ops::Range<u64>| range.map(|n| person(n).line(&[2, 3])).collect::<Vec<_>>();
        assert_eq!(lines(0..500), lines(0..500));
        assert_eq!(lines(0..1000).get(..500), Some(lines(0..500).as_slice()));
        assert!(lines(0..500).iter().all(|line| line.matches('\t').count() == 10));
    }

    #[test]
    fn names_are_many_and_some_are_frequent() {
        let people: Vec<Person> = (0..20_000).map(person).collect();
        let given: HashSet<&str> = people.iter().map(|person| person.first.as_str()).collect();
        assert!(given.len() > 3_000, "{}", given.len());
        let sharmas = people.iter().filter(|person| person.last == "Sharma").count();
        assert!(sharmas > 200, "{sharmas}");
        assert!(people.iter().any(|person| person.last.is_empty()));
        assert!(people.iter().any(|person| person.first.contains(". ")));
        let phones: HashSet<u64> = people.iter().map(|person| person.phone).collect();
        assert!(phones.len() < people.len() && phones.len() > people.len() / 2);
    }
}
