//! `cargo xtask bench`: what a request costs, beside what PostgreSQL alone needs for one row; what auditing adds to it;
//! what the gateway costs beside Envoy; what searching a million patients costs; how many HL7 messages a second are taken over MLLP.

mod audit;
mod cpu;
mod gateway;
mod load;
mod mllp;
mod pgbench;
mod report;
mod requests;
mod search;
mod seed;

use std::ops::RangeInclusive;
use std::os::unix::process::CommandExt;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::api::Api;
use crate::cargo::{Profile, cargo};
use crate::home::{Home, Purpose};
use crate::process::Identity;
use crate::secrets::Secrets;
use crate::shutdown::Shutdown;
use crate::state::{State, StateFile};
use crate::supervise::Supervisor;
use crate::system::{self, Settings};
use crate::up::{self, Prepared, System};

/// Patients in the database while measuring.
const PATIENTS: u32 = 10_000;

/// How to measure.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// How long each measurement lasts.
    pub length: Duration,
    /// Requests in flight at once.
    pub concurrency: usize,
}

/// What is measured; each has a section of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Section {
    /// Reading, searching and listing through the gateway
    Requests,
    /// What auditing adds to a read
    Audit,
    /// The gateway's own work, beside Envoy's
    Gateway,
    /// HL7 messages over MLLP
    Mllp,
    /// Searching and listing ten thousand patients, and a million
    Search,
}

impl Section {
    /// The last one leaves a million patients.
    const ALL: [Self; 5] = [Self::Requests, Self::Audit, Self::Gateway, Self::Mllp, Self::Search];

    fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Audit => "audit",
            Self::Gateway => "gateway",
            Self::Search => "search",
            Self::Mllp => "mllp",
        }
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

/// A running system with patients in it, ready to be measured.
struct Bench<'a> {
    home: &'a Home,
    prepared: &'a Prepared,
    secrets: Secrets,
    system: System,
    state: State,
    /// Patients that are surely there.
    ids: RangeInclusive<u64>,
    /// A receptionist's.
    token: String,
    manner: Manner,
}

/// Brings up a system of its own in release mode, measures one section or all, prints, and keeps the result if wanted.
pub async fn bench(manner: Manner, only: Option<Section>, keep: Keep) -> Result<()> {
    let home = Home::of(Purpose::Bench)?;
    if cfg!(debug_assertions) {
        return Err(again_optimised(&home));
    }
    up::ports_free(&[system::ports(&home), audit::ports(&home), gateway::ports(&home)].concat())?;
    let shutdown = Shutdown::listen()?;
    let prepared = up::prepare(&home, Profile::Release).await?;
    let state = StateFile::create(&home, &home.http(crate::home::port::GATEWAY))?;
    let mut supervisor = Supervisor::new(&home.logs(), Some(state.clone()))?;
    let measured = tokio::select! {
        measured = measure(&home, &prepared, &mut supervisor, manner, only) => measured,
        () = shutdown.wished() => Err(anyhow::anyhow!("interrupted")),
    };
    supervisor.stop_all(&shutdown).await;
    state.remove();
    for (section, text) in measured? {
        say!("\n{text}");
        if keep == Keep::InDocs {
            report::write(&home.root.join("docs/benchmarks.md"), section.name(), &text)?;
        }
    }
    Ok(())
}

/// The load generator shares the cores with what it measures, so it is optimised too: this process becomes that one.
fn again_optimised(home: &Home) -> anyhow::Error {
    let mut command = cargo(&home.root);
    let command = command.as_std_mut().args(["run", "--release", "--package", "xtask", "--"]);
    let fault = command.args(std::env::args_os().skip(1)).exec();
    anyhow::Error::from(fault).context("cannot start an optimised bench")
}

async fn measure(
    home: &Home,
    prepared: &Prepared,
    supervisor: &mut Supervisor,
    manner: Manner,
    only: Option<Section>,
) -> Result<Vec<(Section, String)>> {
    let system = up::start(home, prepared, supervisor).await?;
    let bench = Bench::of(home, prepared, system, manner).await?;
    let mut texts = Vec::new();
    for section in Section::ALL.into_iter().filter(|section| only.is_none_or(|only| only == *section)) {
        let text = match section {
            Section::Requests => requests::measure(&bench).await?.markdown(),
            Section::Audit => audit::measure(&bench, supervisor).await?.markdown(),
            Section::Gateway => gateway::measure(&bench, supervisor).await?.markdown(),
            Section::Search => search::measure(&bench).await?.markdown(),
            Section::Mllp => mllp::measure(&bench).await?.markdown(),
        };
        texts.push((section, text));
    }
    Ok(texts)
}

impl<'a> Bench<'a> {
    async fn of(home: &'a Home, prepared: &'a Prepared, system: System, manner: Manner) -> Result<Self> {
        say!("seeding {PATIENTS} patients");
        let ids = seed::patients(home, &system.cluster, PATIENTS).await?;
        let desk = system
            .hospital
            .users
            .iter()
            .find(|user| user.role == "RECEPTIONIST")
            .context("nobody is a receptionist")?;
        let token = Api::new(&system.hospital.gateway, None)?.sign_in(&desk.username, &desk.password).await?;
        let state = State::read(home).context("the system that was just started has a state file")?;
        let secrets = Secrets::load_or_make(home)?;
        Ok(Self { home, prepared, secrets, system, state, ids, token, manner })
    }

    /// What its processes are told, to start another one like them.
    fn settings(&self) -> Settings<'_> {
        Settings::new(self.home, &self.secrets, self.prepared.binaries())
    }

    /// One that was started with the system.
    fn process(&self, name: &str) -> Result<Identity> {
        let child = self.state.children.iter().find(|child| child.name == name);
        Ok(child.with_context(|| format!("{name} does not run"))?.identity.clone())
    }
}
