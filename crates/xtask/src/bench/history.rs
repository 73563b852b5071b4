//! Reading medical histories that are cached.

use std::fmt::Write as _;

use anyhow::Result;
use serde_json::{Value, json};

use super::cpu::Meters;
use super::load::Target;
use super::report::machine;
use super::users::{self, Bar, Measured};
use super::{Bench, Manner};
use crate::api::{Api, Call};

/// Patients whose histories are read.
const PATIENTS: u64 = 32;
/// Entries of each.
const ENTRIES: usize = 24;

/// What was measured.
pub struct Histories {
    measured: Vec<Measured>,
    meters: Meters,
    manner: Manner,
}

/// Gives some patients histories, and reads them.
pub async fn measure(bench: &Bench<'_>) -> Result<Histories> {
    let (load, meters) = (bench.load_by("ADMIN").await?, bench.meters("patients")?);
    let paths: Vec<String> = bench
        .ids
        .clone()
        .take(usize::try_from(PATIENTS)?)
        .map(|id| format!("/api/patients/{id}/medical-history/"))
        .collect();
    say!("writing the medical histories of {PATIENTS} patients");
    let api = Api::new(&bench.system.hospital.gateway, None)?;
    for path in &paths {
        let there = api.expect(&Call::get(path).by(&load.token), &[200]).await?;
        for number in there.list("observations")?.len()..ENTRIES {
            api.expect(&Call::post(path).by(&load.token).json(entry(number)), &[201]).await?;
        }
    }
    let target = Target::OneOf("read a medical history, cached", paths.into());
    let measured = vec![users::measure(&load, &meters, &target, Bar::P50(2)).await?];
    Ok(Histories { measured, meters, manner: bench.manner })
}

/// A blood sugar as a laboratory reports it.
fn entry(number: usize) -> Value {
    let (month, value) = (1 + number % 12, 90 + number * 3);
    json!({"kind": "OBSERVATION", "code": {"system": "LOINC", "code": "2345-7", "display": "Glucose in serum or plasma"},
        "effective_date": format!("2025-{month:02}-05"), "value": value, "unit": "mg/dL", "reference_range": "70-110"})
}

impl Histories {
    /// The table.
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        let _ = writeln!(
            text,
            "{}; release build, through the gateway, by an administrator; {PATIENTS} patients with {ENTRIES} entries each, read in no \
             order; each reading leaves its row in the audit log before it is answered. Load generator, PostgreSQL, Redis and all \
             services on the same cores. {}\n",
            machine(),
            users::manner(self.manner)
        );
        text + &users::table(&self.measured, &self.meters)
    }
}
