//! `cargo xtask seed`: patients, appointments and invoices of an Indian hospital, the same ones every time, into a system that
//! runs.
//!
//! Rows are made by PostgreSQL where they can be, and every constraint and trigger of the services has its say about each.

pub mod appointments;
mod doctors;
pub mod invoices;
mod names;
pub mod patients;
pub mod people;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::task::JoinSet;

use crate::home::{Home, port};
use crate::parts::postgres::{Cluster, Programs};
use crate::secrets::Secrets;
use crate::state::State;
use crate::system::DATABASE;

/// Patients where nothing else is asked for.
const PATIENTS: u64 = 1_000_000;
/// Scripts that run at once, at most.
const AT_ONCE: usize = 4;
/// A long seeding says this often how far it is.
const SAY_EVERY: Duration = Duration::from_secs(10);

/// How many of each there shall be.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted {
    /// Patients.
    pub patients: Option<u64>,
    /// Appointments.
    pub appointments: Option<u64>,
    /// Invoices.
    pub invoices: Option<u64>,
}

/// Seeds the running system.
pub async fn seed(home: &Home, wanted: Wanted) -> Result<()> {
    if !State::read(home).is_some_and(|state| state.supervisor.alive()) {
        bail!("EHS is not running: `cargo xtask up` starts it");
    }
    let programs = Programs::newest()?.context("PostgreSQL is not installed")?;
    let password = Secrets::load_or_make(home)?.postgres;
    let cluster = Cluster::prepare(programs, &home.path("postgres"), home.port(port::POSTGRES), &password).await?;
    let nothing_else = wanted.appointments.is_none() && wanted.invoices.is_none();
    if let Some(patients) = wanted.patients.or(nothing_else.then_some(PATIENTS)) {
        let began = Instant::now();
        let there = patients::count(&cluster).await?;
        if there > patients {
            bail!(
                "{there} patients are seeded already, and a patient is never deleted: `cargo xtask reset` starts afresh"
            );
        }
        patients::fill(home, &cluster, patients).await?;
        say!("{patients} patients are seeded: {} s", began.elapsed().as_secs());
    }
    if let Some(appointments) = wanted.appointments {
        let began = Instant::now();
        let there = appointments::fill(home, &cluster, appointments).await?;
        say!("{there} appointments are seeded: {} s", began.elapsed().as_secs());
    }
    if let Some(invoices) = wanted.invoices {
        let began = Instant::now();
        invoices::fill(home, &cluster, invoices).await?;
        say!("{invoices} invoices are seeded: {} s", began.elapsed().as_secs());
    }
    Ok(())
}

/// Does now what PostgreSQL would do by itself later, while somebody measures: counts, tidies and writes what was seeded.
async fn settle(cluster: &Cluster, tables: &[&str]) -> Result<()> {
    for table in tables {
        cluster.psql(DATABASE, &["-c", &format!("vacuum analyze {table}")]).await?;
    }
    cluster.psql(DATABASE, &["-c", "checkpoint"]).await.map(drop)
}

/// What a script's `:name`s stand for.
pub type Values = Vec<(&'static str, String)>;

/// SQL of this crate, as psql reads it.
pub struct Script {
    file: PathBuf,
    cluster: Cluster,
}

impl Script {
    /// Of this text.
    pub fn new(home: &Home, cluster: &Cluster, name: &str, text: &str) -> Result<Self> {
        let file = home.path(&format!("{name}.sql"));
        std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
        Ok(Self { file, cluster: cluster.clone() })
    }

    /// Runs it; gives what it printed.
    pub async fn run(&self, values: Values) -> Result<String> {
        let file = self.file.display().to_string();
        let set: Vec<String> = values.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut args: Vec<&str> = set.iter().flat_map(|set| ["-v", set.as_str()]).collect();
        args.extend(["-f", &file]);
        self.cluster.psql(DATABASE, &args).await
    }

    /// Runs it with each of these values, as many at once as there are processors. What one of them began and could not end is
    /// not there at all: each is a transaction.
    async fn run_each(self, what: &str, parts: Vec<Values>) -> Result<()> {
        let script = std::sync::Arc::new(self);
        let at_once = std::thread::available_parallelism().map_or(2, usize::from).clamp(1, AT_ONCE);
        let several = parts.len();
        let (mut parts, mut running) = (parts.into_iter(), JoinSet::new());
        let (mut done, mut said) = (0_usize, Instant::now());
        let start = |running: &mut JoinSet<Result<String>>, values: Values| {
            let script = script.clone();
            running.spawn(async move { script.run(values).await });
        };
        for values in parts.by_ref().take(at_once) {
            start(&mut running, values);
        }
        while let Some(ended) = running.join_next().await {
            ended??;
            done += 1;
            if said.elapsed() > SAY_EVERY || done == several {
                said = Instant::now();
                say!("  {done} of {several} parts of {what}");
            }
            if let Some(values) = parts.next() {
                start(&mut running, values);
            }
        }
        Ok(())
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        // It stands in this crate; the copy was for psql.
        let _ = std::fs::remove_file(&self.file);
    }
}
