//! `cargo xtask bench`: what a request costs, beside what PostgreSQL alone needs for one row; what auditing adds to it;
//! what the gateway costs beside Envoy; what searching a million patients costs; how many HL7 messages a second are taken over MLLP;
//! how long a medical history, an appointment or a bill takes where there are as many as in a large hospital.

mod appointments;
mod audit;
mod billing;
mod cpu;
mod gateway;
mod history;
mod load;
mod mllp;
mod pgbench;
mod race;
mod report;
mod requests;
mod search;
mod seed;
mod users;

use std::ops::RangeInclusive;
use std::os::unix::process::CommandExt;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::api::Api;
use crate::cargo::{Profile, cargo};
use crate::home::{Home, Purpose, port};
use crate::process::Identity;
use crate::secrets::Secrets;
use crate::shutdown::Shutdown;
use crate::state::{State, StateFile};
use crate::supervise::Supervisor;
use crate::system::{self, DATABASE, Settings};
use crate::up::{self, Prepared, System};

use self::cpu::{Meter, Meters};
use self::load::Load;

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

/// How much there is to measure with.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Appointments, for [`Section::Appointments`].
    pub appointments: u64,
    /// Invoices, for [`Section::Billing`].
    pub invoices: u64,
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
    /// Reading a medical history that is cached
    History,
    /// Searching and listing ten thousand patients, and a million
    Search,
    /// Schedules, date ranges and bookings among millions of appointments
    Appointments,
    /// Issuing, paying, reporting and drawing bills among a million
    Billing,
}

impl Section {
    /// The last ones leave a million patients, and more of other things.
    const ALL: [Self; 8] = [
        Self::Requests,
        Self::Audit,
        Self::Gateway,
        Self::Mllp,
        Self::History,
        Self::Search,
        Self::Appointments,
        Self::Billing,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Audit => "audit",
            Self::Gateway => "gateway",
            Self::Search => "search",
            Self::Mllp => "mllp",
            Self::History => "history",
            Self::Appointments => "appointments",
            Self::Billing => "billing",
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
    sizes: Sizes,
}

/// Brings up a system of its own in release mode, measures one section or all, prints, and keeps the result if wanted.
pub async fn bench(manner: Manner, sizes: Sizes, only: Option<Section>, keep: Keep) -> Result<()> {
    let home = Home::of(Purpose::Bench)?;
    if cfg!(debug_assertions) {
        return Err(again_optimised(&home));
    }
    up::ports_free(&[system::ports(&home), audit::ports(&home), gateway::ports(&home)].concat())?;
    let shutdown = Shutdown::listen()?;
    let prepared = up::prepare(&home, Profile::Release).await?;
    let state = StateFile::create(&home, &home.http(port::GATEWAY))?;
    let mut supervisor = Supervisor::new(&home.logs(), Some(state.clone()))?;
    let measured = tokio::select! {
        measured = measure(&home, &prepared, &mut supervisor, (manner, sizes), only, keep) => measured,
        () = shutdown.wished() => Err(anyhow::anyhow!("interrupted")),
    };
    supervisor.stop_all(&shutdown).await;
    state.remove();
    measured
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
    how: (Manner, Sizes),
    only: Option<Section>,
    keep: Keep,
) -> Result<()> {
    let system = up::start(home, prepared, supervisor).await?;
    let bench = Bench::of(home, prepared, system, how).await?;
    for section in Section::ALL.into_iter().filter(|section| only.is_none_or(|only| only == *section)) {
        let text = match section {
            Section::Requests => requests::measure(&bench).await?.markdown(),
            Section::Audit => audit::measure(&bench, supervisor).await?.markdown(),
            Section::Gateway => gateway::measure(&bench, supervisor).await?.markdown(),
            Section::Search => search::measure(&bench).await?.markdown(),
            Section::Mllp => mllp::measure(&bench).await?.markdown(),
            Section::History => history::measure(&bench).await?.markdown(),
            Section::Appointments => appointments::measure(&bench).await?.markdown(),
            Section::Billing => billing::measure(&bench).await?.markdown(),
        };
        // At once: what comes after may take long, and may fail.
        say!("\n{text}");
        if keep == Keep::InDocs {
            report::write(&home.root.join("docs/benchmarks.md"), section.name(), &text)?;
        }
    }
    Ok(())
}

impl<'a> Bench<'a> {
    async fn of(
        home: &'a Home,
        prepared: &'a Prepared,
        system: System,
        (manner, sizes): (Manner, Sizes),
    ) -> Result<Self> {
        say!("seeding {PATIENTS} patients");
        let ids = seed::patients(home, &system.cluster, PATIENTS).await?;
        let token = sign_in(&system, "RECEPTIONIST").await?;
        let state = State::read(home).context("the system that was just started has a state file")?;
        let secrets = Secrets::load_or_make(home)?;
        Ok(Self { home, prepared, secrets, system, state, ids, token, manner, sizes })
    }

    /// As somebody in this role. A token is good for an hour: what comes after a long seeding needs one of its own.
    async fn load_by(&self, role: &str) -> Result<Load> {
        let token = sign_in(&self.system, role).await?;
        Ok(Load { address: self.home.port(port::GATEWAY), token, manner: self.manner })
    }

    /// Brings tables and indexes of a service into PostgreSQL's memory, where a hospital's work of a day has long brought them: the
    /// system was just started.
    async fn warm(&self, service: &str, names: &[&str]) -> Result<()> {
        let statement = format!(
            "CREATE EXTENSION IF NOT EXISTS pg_prewarm SCHEMA extensions; \
             SELECT sum(extensions.pg_prewarm(('{service}.' || name)::regclass)) FROM unnest('{{{}}}'::text[]) AS name",
            names.join(",")
        );
        self.system.cluster.psql(DATABASE, &["-c", &statement]).await.map(drop)
    }

    /// What may be wrong where nothing can be seeded.
    fn other_sizes(&self) -> String {
        format!(
            "cannot seed; where an earlier run was of another size, remove {} and its data",
            self.home.dir.display()
        )
    }

    /// The CPU time of the gateway, of a service and of PostgreSQL.
    fn meters(&self, service: &'static str) -> Result<Meters> {
        Ok(Meters::new(vec![
            ("gateway", Meter::alone(self.process("gateway")?)),
            (service, Meter::alone(self.process(service)?)),
            ("PostgreSQL", Meter::with_children(self.process("postgres")?)),
        ]))
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

async fn sign_in(system: &System, role: &str) -> Result<String> {
    let user = system.hospital.users.iter().find(|user| user.role == role);
    let user = user.with_context(|| format!("nobody of the demo hospital is {role}"))?;
    Api::new(&system.hospital.gateway, None)?.sign_in(&user.username, &user.password).await
}
