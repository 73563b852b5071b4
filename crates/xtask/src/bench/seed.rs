//! Ten thousand patients with Indian names, the same ones every time.

use std::fmt::Write as _;
use std::ops::RangeInclusive;

use anyhow::{Context, Result};

use crate::home::Home;
use crate::parts::postgres::Cluster;
use crate::system::DATABASE;

const FIRST: [&str; 24] = [
    "Aarav", "Lakshmi", "Mohammed", "Priya", "Gurpreet", "Ananya", "Subhash", "Fatima", "Karthik", "Meera", "Rajesh",
    "Sunita", "Imran", "Kavitha", "Arjun", "Nandini", "Joseph", "Harpreet", "Vijay", "Shabana", "Ramesh", "Divya",
    "Suresh", "Mercy",
];
const LAST: [&str; 24] = [
    "Iyer",
    "Venkataraman",
    "Ansari",
    "Deshmukh",
    "Singh",
    "Chatterjee",
    "Qureshi",
    "Subramanian",
    "Nair",
    "Patel",
    "Reddy",
    "Khan",
    "Menon",
    "Sharma",
    "Kaur",
    "Thomas",
    "Banerjee",
    "Rao",
    "Gupta",
    "Krishnamurthy",
    "Pillai",
    "Joshi",
    "Das",
    "",
];
const CITIES: [(&str, &str, u32); 6] = [
    ("Chennai", "Tamil Nadu", 600_001),
    ("Mumbai", "Maharashtra", 400_001),
    ("Kolkata", "West Bengal", 700_001),
    ("Hyderabad", "Telangana", 500_001),
    ("Kochi", "Kerala", 682_001),
    ("Ludhiana", "Punjab", 141_001),
];

/// Numbers that look random and are the same in every run (SplitMix64).
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

    /// One of these.
    pub fn one_of<'a, T>(&mut self, things: &'a [T]) -> Option<&'a T> {
        let bound = u64::try_from(things.len()).ok()?;
        things.get(usize::try_from(self.below(bound)).ok()?)
    }
}

/// Fills the patients table up and gives the range of ids that are surely there.
pub async fn patients(home: &Home, cluster: &Cluster, wanted: u32) -> Result<RangeInclusive<u64>> {
    let seeded = "email like '%@seeded.example'";
    let count = format!("select count(*) from patients.patients where {seeded}");
    if cluster.psql(DATABASE, &["-c", &count]).await?.trim() != wanted.to_string() {
        let file = home.path("patients.tsv");
        std::fs::write(&file, rows(wanted)?)?;
        let delete = format!("delete from patients.patients where {seeded}");
        let columns = "first_name, last_name, date_of_birth, gender, email, phone, address";
        let copy = format!("\\copy patients.patients ({columns}) from '{}'", file.display());
        // Generated columns call the service's own functions, which its search_path finds.
        cluster
            .psql(
                DATABASE,
                &[
                    "-c",
                    "set search_path = patients, extensions",
                    "-c",
                    &delete,
                    "-c",
                    &copy,
                    "-c",
                    "analyze patients.patients",
                ],
            )
            .await?;
    }
    let range = format!("select min(id) || ' ' || max(id) from patients.patients where {seeded}");
    let answer = cluster.psql(DATABASE, &["-c", &range]).await?;
    let (first, last) = answer.trim().split_once(' ').context("there are seeded patients")?;
    Ok(first.parse()?..=last.parse()?)
}

fn rows(wanted: u32) -> Result<String> {
    let mut dice = Seeded::new(20_261_123);
    let mut text = String::new();
    for number in 0..wanted {
        let (first, last) = (dice.one_of(&FIRST).context("names")?, dice.one_of(&LAST).context("names")?);
        let (city, state, pin) = dice.one_of(&CITIES).context("cities")?;
        let (year, month, day) = (1940 + dice.below(80), 1 + dice.below(12), 1 + dice.below(28));
        let gender = dice.one_of(&["MALE", "FEMALE", "OTHER", "UNKNOWN"]).context("genders")?;
        let phone = 9_000_000_000 + dice.below(999_999_999);
        let line = 1 + dice.below(400);
        let address = format!(
            r#"{{"line1": "{line}, Gandhi Road", "city": "{city}", "state": "{state}", "pin_code": "{pin}", "country": "IN"}}"#
        );
        writeln!(
            text,
            "{first}\t{last}\t{year}-{month:02}-{day:02}\t{gender}\tpatient{number}@seeded.example\t+91{phone}\t{address}"
        )?;
    }
    Ok(text)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;

    #[test]
    fn the_same_people_every_time() {
        assert_eq!(rows(50).unwrap(), rows(50).unwrap());
        assert_eq!(rows(50).unwrap().lines().count(), 50);
    }
}
