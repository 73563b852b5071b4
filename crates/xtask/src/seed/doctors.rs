//! Doctors with weekly hours, for seeded appointments to be with.

use std::io::{BufWriter, Write};

use anyhow::{Context, Result};

use super::Script;
use super::people::person;
use crate::home::Home;
use crate::parts::postgres::Cluster;
use crate::system::DATABASE;

/// How many there are.
pub const DOCTORS: u64 = 500;
/// The people that they are: nobody of those who are patients.
const FIRST: u64 = 1 << 40;
const FIELDS: [&str; 10] = [
    "General Medicine",
    "Cardiology",
    "Paediatrics",
    "Orthopaedics",
    "Obstetrics and Gynaecology",
    "Dermatology",
    "Ophthalmology",
    "ENT",
    "Neurology",
    "General Surgery",
];

/// Makes those that are not there yet, with their hours. They have accounts that nobody can sign in to.
pub async fn fill(home: &Home, cluster: &Cluster) -> Result<()> {
    let there = "select count(*) from users.users where username like 'seed.doctor.%'";
    let there: u64 = cluster.psql(DATABASE, &["-c", there]).await?.trim().parse()?;
    if there < DOCTORS {
        let file = home.path("doctors.tsv");
        let mut lines = BufWriter::new(std::fs::File::create(&file)?);
        for number in there..DOCTORS {
            lines.write_all(line(number).as_bytes())?;
        }
        lines.into_inner().context("cannot write the doctors")?;
        let columns = "username, email, password_hash, role, first_name, last_name, specialization, department, registration_number";
        let copy = format!("\\copy users.users ({columns}) from '{}'", file.display());
        cluster.psql(DATABASE, &["-c", &copy]).await?;
        std::fs::remove_file(&file)?;
    }
    Script::new(home, cluster, "doctors", include_str!("doctors.sql"))?.run(Vec::new()).await.map(drop)
}

/// A line for COPY.
fn line(number: u64) -> String {
    let person = person(FIRST + number);
    let field = usize::try_from(number).ok().and_then(|at| FIELDS.get(at % FIELDS.len())).copied().unwrap_or_default();
    format!(
        "seed.doctor.{number}\tseed.doctor.{number}@hospital.example\t!\tDOCTOR\t{}\t{}\t{field}\t{field}\tSEED-{number:05}\n",
        person.first, person.last
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_field_and_a_name_of_its_own() {
        let (first, other) = (line(0), line(11));
        assert!(first.starts_with("seed.doctor.0\t") && first.contains("\tGeneral Medicine\t"));
        assert!(other.contains("\tCardiology\t") && other.ends_with("\tSEED-00011\n"));
        assert!((0..DOCTORS).all(|number| line(number).matches('\t').count() == 8));
    }
}
