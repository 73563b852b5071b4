//! Searching and listing ten thousand patients, and a million, through the gateway.

use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::{Context, Result};

use super::load::{Load, Target};
use super::report::{hundredths, machine, percentile};
use super::seed::{self, Seeded};
use super::users;
use super::{Bench, Manner, PATIENTS};
use crate::api::{Api, Call};
use crate::seed::people::{Person, person};
use crate::system::DATABASE;

/// Patients of the large hospital.
const MANY: u32 = 1_000_000;
/// Searches of a kind, of different patients.
const SEARCHES: u64 = 3_000;
/// The page that is as cheap as the first, of 20 rows each.
const DEEP: u64 = 10_000;

/// What somebody at a desk types to find a patient.
type Typed = fn(&Person, &mut Seeded) -> String;

/// What was measured.
pub struct Searches {
    few: Vec<Measured>,
    many: Vec<Measured>,
    manner: Manner,
}

/// Each request's time in microseconds, sorted.
struct Measured {
    name: &'static str,
    pausing: Vec<u64>,
    rushing: Vec<u64>,
    /// What p99 may be, in milliseconds.
    bar: u64,
}

/// Measures with few patients, adds the others, and measures again.
pub async fn measure(bench: &Bench<'_>) -> Result<Searches> {
    let few = of(bench, PATIENTS, bench.ids.clone().count()).await?;
    say!("seeding {MANY} patients");
    let ids = seed::patients(bench.home, &bench.system.cluster, MANY).await?;
    let many = of(bench, MANY, ids.count()).await?;
    Ok(Searches { few, many, manner: bench.manner })
}

async fn of(bench: &Bench<'_>, patients: u32, there: usize) -> Result<Vec<Measured>> {
    anyhow::ensure!(there >= usize::try_from(patients)?, "{there} of {patients} patients are there");
    let load = bench.load_by("RECEPTIONIST").await?;
    let numbers = numbers(bench).await?;
    let mut dice = Seeded::new(20_261_127);
    let mut targets: Vec<(Target, u64)> = Vec::new();
    let kinds: [(&'static str, Typed); 6] = [
        ("search by first and last name", full_name),
        ("search by one name", one_name),
        ("search by the beginning of a name", beginning),
        ("search by a name as it sounds", misspelt),
        ("search by phone, in any notation", phone),
        ("search by half of a phone", half_phone),
    ];
    for (name, typed) in kinds {
        let people = (0..SEARCHES).map(|_| typed(&person(dice.below(patients.into())), &mut dice));
        targets.push((Target::OneOf(name, people.map(|text| search(&text)).collect()), 20));
    }
    let ids: Arc<[String]> = (0..SEARCHES).filter_map(|_| dice.one_of(&numbers)).map(|id| search(id)).collect();
    targets.push((Target::OneOf("search by patient number", ids), 20));
    targets.push((Target::List, 10));
    let rows = u64::from(patients).saturating_sub(200).min(DEEP * 20);
    let deep = Arc::from([deep_page(bench, &load, rows).await?]);
    targets.push((Target::OneOf("list page 10,000 (or the last)", deep), 10));
    let mut measured = Vec::new();
    for (target, bar) in targets {
        say!("measuring: {}, {patients} patients", target.name());
        load.run(&target, bench.manner.length / 5).await?; // caches and pools warm up unmeasured
        let mut pausing = load.run_paced(&target, bench.manner.length * users::LONGER, users::EVERY).await?;
        let mut rushing = load.run(&target, bench.manner.length).await?;
        pausing.sort_unstable();
        rushing.sort_unstable();
        measured.push(Measured { name: target.name(), pausing, rushing, bar });
    }
    Ok(measured)
}

/// Some patients' numbers.
async fn numbers(bench: &Bench<'_>) -> Result<Vec<String>> {
    let some = "select patient_id from patients.patients where id % 97 = 0 limit 10000";
    let answer = bench.system.cluster.psql(DATABASE, &["-c", some]).await?;
    Ok(answer.split_whitespace().map(str::to_owned).collect())
}

/// The path of the page that begins so many rows in, found as a client finds it: by following `next`.
async fn deep_page(bench: &Bench<'_>, load: &Load, rows: u64) -> Result<String> {
    let api = Api::new(&bench.system.hospital.gateway, None)?;
    let mut path = "/api/patients/?page_size=100".to_owned();
    for _ in 0..rows / 100 {
        let page = api.expect(&Call::get(path).by(&load.token), &[200]).await?;
        let next = page.word("next")?;
        path = next.strip_prefix(&bench.system.hospital.gateway).context("the gateway's own address")?.to_owned();
    }
    Ok(format!("{path}&page_size=20"))
}

fn search(text: &str) -> String {
    let mut path = "/api/patients/?search=".to_owned();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            path.push(char::from(byte));
        } else {
            let _ = write!(path, "%{byte:02X}");
        }
    }
    path
}

fn full_name(person: &Person, dice: &mut Seeded) -> String {
    let (first, last) = (person.first.to_lowercase(), person.last.to_lowercase());
    if dice.below(3) == 0 { format!("{last} {first}") } else { format!("{first} {last}") }
}

fn one_name(person: &Person, dice: &mut Seeded) -> String {
    let name = if dice.below(3) == 0 && person.last.len() > 2 { &person.last } else { &person.first };
    name.split([' ', '.']).max_by_key(|word| word.len()).unwrap_or(name).to_owned()
}

fn beginning(person: &Person, dice: &mut Seeded) -> String {
    let letters = usize::try_from(3 + dice.below(4)).unwrap_or(4);
    one_name(person, dice).chars().take(letters).collect()
}

fn misspelt(person: &Person, dice: &mut Seeded) -> String {
    full_name(person, dice).replace("sh", "s").replace('v', "w").replace('i', "ee")
}

fn phone(person: &Person, dice: &mut Seeded) -> String {
    let digits = person.phone.to_string();
    let (first, last) = digits.split_at(5);
    match dice.below(4) {
        0 => format!("+91-{first}-{last}"),
        1 => format!("0{digits}"),
        2 => format!("{first} {last}"),
        _ => digits,
    }
}

fn half_phone(person: &Person, dice: &mut Seeded) -> String {
    let digits = person.phone.to_string();
    let (first, last) = digits.split_at(5);
    if dice.below(2) == 0 { first.to_owned() } else { last.to_owned() }
}

impl Searches {
    /// The table.
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        let _ = writeln!(
            text,
            "{}; release build, {} users, through the gateway; load generator, PostgreSQL, Redis and all services on the same cores. Pausing: \
             each user asks every {} s, {} s long. Without pause: each asks again at once, {} s long; they fill the machine, and their times are \
             those of waiting for a core. Names are those of patients drawn at random, so that frequent ones are searched oftener.\n",
            machine(),
            self.manner.concurrency,
            hundredths(users::in_hundredths(users::EVERY)),
            (self.manner.length * users::LONGER).as_secs(),
            self.manner.length.as_secs(),
        );
        let columns = [
            "request",
            "bar of p99",
            &format!("pausing, {PATIENTS} patients: p50 ms"),
            "p99 ms",
            &format!("pausing, {MANY}: p50 ms"),
            "p99 ms",
            "p50 to that of few",
            "p99 to that of few",
            &format!("without pause, {PATIENTS}: per second"),
            "p99 ms",
            &format!("without pause, {MANY}: per second"),
            "p99 ms",
        ];
        let _ = writeln!(text, "| {} |", columns.join(" | "));
        text.push_str("| --- |");
        text.push_str(&" ---: |".repeat(columns.len() - 1));
        text.push('\n');
        let seconds = self.manner.length.as_secs().max(1);
        for (few, many) in self.few.iter().zip(&self.many) {
            let _ = write!(text, "| {} | {} |", many.name, many.bar);
            for measured in [few, many] {
                let [p50, p99] = [50, 99].map(|percent| percentile(&measured.pausing, percent) / 10);
                let _ = write!(text, " {} | {} |", hundredths(p50), hundredths(p99));
            }
            for percent in [50, 99] {
                let ratio = percentile(&many.pausing, percent) * 100 / percentile(&few.pausing, percent).max(1);
                let _ = write!(text, " {} |", hundredths(ratio));
            }
            for measured in [few, many] {
                let per_second = u64::try_from(measured.rushing.len()).unwrap_or(u64::MAX) / seconds;
                let _ = write!(text, " {per_second} | {} |", hundredths(percentile(&measured.rushing, 99) / 10));
            }
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_is_typed_into_a_path() {
        assert_eq!(search("R. Rao"), "/api/patients/?search=R%2E%20Rao");
        let person = person(7);
        let mut dice = Seeded::new(1);
        for _ in 0..20 {
            assert!(phone(&person, &mut dice).bytes().filter(u8::is_ascii_digit).count() >= 10);
            assert_eq!(half_phone(&person, &mut dice).len(), 5);
            assert!(!one_name(&person, &mut dice).is_empty());
        }
    }
}
