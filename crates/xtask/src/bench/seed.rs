//! Patients to measure with.

use std::ops::RangeInclusive;

use anyhow::{Context, Result};

use crate::home::Home;
use crate::parts::postgres::Cluster;
use crate::seed::patients as seeded;
pub use crate::seed::people::Seeded;
use crate::system::DATABASE;

/// Makes the patients so many, and gives the range of ids that are surely there.
pub async fn patients(home: &Home, cluster: &Cluster, wanted: u32) -> Result<RangeInclusive<u64>> {
    let wanted = u64::from(wanted);
    if seeded::count(cluster).await? > wanted {
        seeded::empty(cluster).await?;
    }
    seeded::fill(home, cluster, wanted).await?;
    let range = "select min(id) || ' ' || max(id) from patients.patients where abha_address like 'seed%@sbx'";
    let answer = cluster.psql(DATABASE, &["-c", range]).await?;
    let (first, last) = answer.trim().split_once(' ').context("there are seeded patients")?;
    Ok(first.parse()?..=last.parse()?)
}
