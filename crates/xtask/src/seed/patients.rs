//! Patients with Indian names.

use std::io::{BufWriter, Write};

use anyhow::{Context, Result};

use super::people;
use crate::home::Home;
use crate::parts::postgres::Cluster;
use crate::system::DATABASE;

/// Patients of one COPY.
const CHUNK: u64 = 50_000;
/// Who was seeded: everybody's ABHA address says so, of the sandbox.
pub const SEEDED: &str = "abha_address like 'seed%@sbx'";

/// How many are seeded.
pub async fn count(cluster: &Cluster) -> Result<u64> {
    let answer =
        cluster.psql(DATABASE, &["-c", &format!("select count(*) from patients.patients where {SEEDED}")]).await?;
    Ok(answer.trim().parse()?)
}

/// Seeds until there are so many. The service's own triggers and generated columns make of them what they make of any other.
pub async fn fill(home: &Home, cluster: &Cluster, wanted: u64) -> Result<()> {
    let doctors = cluster
        .psql(DATABASE, &["-c", "select id from patients.staff where role = 'DOCTOR' and is_active order by id"])
        .await?;
    let doctors: Vec<u64> = doctors.split_whitespace().filter_map(|id| id.parse().ok()).collect();
    let file = home.path("patients.tsv");
    let copy = format!("\\copy patients ({}) from '{}'", people::COLUMNS, file.display());
    let mut from = count(cluster).await?;
    let is_new = from < wanted;
    while from < wanted {
        let to = wanted.min(from + CHUNK);
        let mut lines = BufWriter::new(std::fs::File::create(&file)?);
        for number in from..to {
            lines.write_all(people::person(number).line(&doctors).as_bytes())?;
        }
        lines.into_inner().context("cannot write the patients")?;
        // What the columns are made of is found by the owner's search_path; the trigram index takes many at once.
        let settings = "set search_path = patients, extensions; set gin_pending_list_limit = '512MB'; set work_mem = '256MB'; \
             set synchronous_commit = off";
        cluster.psql(DATABASE, &["-c", settings, "-c", &copy]).await?;
        say!("  {to} of {wanted} patients");
        from = to;
    }
    if is_new {
        std::fs::remove_file(&file)?;
        for table in ["patients", "patient_words", "patient_word_pairs", "search_dictionary"] {
            cluster.psql(DATABASE, &["-c", &format!("vacuum analyze patients.{table}")]).await?;
        }
    }
    Ok(())
}

/// Seeds until there are at least so many.
pub async fn at_least(home: &Home, cluster: &Cluster, wanted: u64) -> Result<()> {
    let there = count(cluster).await?;
    if there < wanted {
        say!("seeding patients, {wanted} in all");
        fill(home, cluster, wanted).await?;
    }
    Ok(())
}

/// Takes all patients away, the demo hospital's too: of a system that is only measured.
pub async fn empty(cluster: &Cluster) -> Result<()> {
    let truncate = "truncate patients.patients, patients.patient_words, patients.patient_word_pairs, patients.search_dictionary cascade";
    cluster.psql(DATABASE, &["-c", "set session_replication_role = replica", "-c", truncate]).await.map(drop)
}
