//! `cargo xtask bench`: what a request costs, beside what PostgreSQL alone needs for one row.

mod cpu;
mod load;
mod pgbench;
mod report;
mod seed;

use std::time::Duration;

use anyhow::{Context, Result};

use crate::api::Api;
use crate::cargo::Profile;
use crate::home::{Home, Purpose};
use crate::process::Identity;
use crate::shutdown::Shutdown;
use crate::state::{State, StateFile};
use crate::supervise::Supervisor;
use crate::system;
use crate::up::{self, System};

use cpu::Meter;
use load::{Load, Target};
use report::{Report, Row};

/// Patients in the database while measuring.
const PATIENTS: u32 = 10_000;
/// Services settle this long before their memory is read.
const REST: Duration = Duration::from_secs(5);

/// How to measure.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// How long each measurement lasts.
    pub length: Duration,
    /// Requests in flight at once.
    pub concurrency: usize,
}

/// Brings up a system of its own in release mode, measures, prints, and with `write` keeps the result in `docs/benchmarks.md`.
pub async fn bench(manner: Manner, keep: Keep) -> Result<()> {
    let home = Home::of(Purpose::Bench)?;
    up::ports_free(&system::ports(&home))?;
    let shutdown = Shutdown::listen()?;
    let prepared = up::prepare(&home, Profile::Release).await?;
    let state = StateFile::create(&home, &home.http(crate::home::port::GATEWAY))?;
    let mut supervisor = Supervisor::new(&home.logs(), Some(state.clone()))?;
    let measured = tokio::select! {
        measured = async {
            let system = up::start(&home, &prepared, &mut supervisor).await?;
            measure(&home, &system, manner).await
        } => measured,
        () = shutdown.wished() => Err(anyhow::anyhow!("interrupted")),
    };
    supervisor.stop_all(&shutdown).await;
    state.remove();
    let text = measured?.markdown();
    say!("\n{text}");
    match keep {
        Keep::No => Ok(()),
        Keep::InDocs => report::write(&home.root.join("docs/benchmarks.md"), &text),
    }
}

/// Whether the result goes into the documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Into `docs/benchmarks.md`.
    InDocs,
    /// It is printed only.
    No,
}

async fn measure(home: &Home, system: &System, manner: Manner) -> Result<Report> {
    let state = State::read(home).context("the system that was just started has a state file")?;
    let process = |name: &str| -> Result<Identity> {
        let child = state.children.iter().find(|child| child.name == name);
        Ok(child.with_context(|| format!("{name} does not run"))?.identity.clone())
    };
    say!("seeding {PATIENTS} patients");
    let ids = seed::patients(home, &system.cluster, PATIENTS).await?;
    tokio::time::sleep(REST).await;
    let mut memory = Vec::new();
    for child in &state.children {
        memory.push((child.name.clone(), cpu::resident_kib(&child.identity)));
    }

    let desk =
        system.hospital.users.iter().find(|user| user.role == "RECEPTIONIST").context("nobody is a receptionist")?;
    let token = Api::new(&system.hospital.gateway, None)?.sign_in(&desk.username, &desk.password).await?;
    let meters = [
        ("gateway", Meter::alone(process("gateway")?)),
        ("patients", Meter::alone(process("patients")?)),
        ("PostgreSQL", Meter::with_children(process("postgres")?)),
    ];
    let load = Load { address: home.port(crate::home::port::GATEWAY), token, manner };
    let mut rows = Vec::new();
    for target in [Target::Read(ids.clone()), Target::Search, Target::List] {
        say!("measuring: {}", target.name());
        load.run(&target, manner.length / 5).await?; // caches and pools warm up unmeasured
        let before: Vec<u64> = meters.iter().map(|(_, meter)| meter.micros()).collect();
        let latencies = load.run(&target, manner.length).await?;
        let used =
            meters.iter().zip(before).map(|((name, meter), before)| (*name, meter.micros().saturating_sub(before)));
        rows.push(Row::new(target.name(), latencies, manner.length, used.collect()));
    }
    say!("measuring: pgbench, one row by key");
    let postgres = Meter::with_children(process("postgres")?);
    let before = postgres.micros();
    let latencies = pgbench::one_row_by_key(home, &system.cluster, &ids, manner).await?;
    let used = vec![("PostgreSQL", postgres.micros().saturating_sub(before))];
    let baseline = Row::new("`pgbench`: one row by key, prepared", latencies, manner.length, used);
    Ok(Report { baseline, rows, memory, manner, patients: PATIENTS })
}
