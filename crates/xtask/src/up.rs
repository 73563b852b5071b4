//! `cargo xtask up`: from a checkout to a running hospital.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use crate::cargo::{Binaries, Profile};
use crate::demo_hospital;
use crate::home::{Home, Wire, port};
use crate::install::{self, Tools};
use crate::parts::{aws, otlp, postgres, redis};
use crate::process::run;
use crate::running;
use crate::secrets::Secrets;
use crate::shutdown::Shutdown;
use crate::state::{Phase, State, StateFile};
use crate::supervise::{Spec, Supervisor};
use crate::system::{DATABASE, SERVICES, Settings, ports};
use crate::tls::Certificates;
use crate::{detach, gateway_config};

/// A part or a service that takes longer than this to be ready will not be.
const READY_BOUND: Duration = Duration::from_secs(60);

/// How `up` was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// In this terminal, until Ctrl-C.
    Attached,
    /// In the background: this call returns when all is ready.
    Detached,
    /// The background process itself.
    Supervisor,
}

/// Starts everything and keeps it running until it is told to stop.
pub async fn up(manner: Manner, profile: Profile, wire: Wire) -> Result<()> {
    let mut home = Home::up()?;
    home.wire = wire;
    if manner == Manner::Supervisor {
        rustix::process::setsid().context("cannot leave the terminal")?;
    }
    if let Some(gateway) = already_up(&home).await? {
        if manner == Manner::Detached {
            say!("EHS already runs: {gateway}");
            return Ok(());
        }
        bail!("EHS already runs at {gateway}: `cargo xtask down` stops it");
    }
    ports_free(&ports(&home))?;
    let shutdown = Shutdown::listen()?;
    if manner != Manner::Supervisor {
        say!("looking for PostgreSQL, Redis and ministack; building the services");
    }
    let prepared = tokio::select! {
        prepared = prepare(&home, profile) => prepared?,
        () = shutdown.wished() => bail!("stopped before anything was started"),
    };
    if manner == Manner::Detached {
        return detach::start(&home, profile, &shutdown).await;
    }
    run_until_told(&home, &prepared, &shutdown).await
}

/// What must be there before anything starts: programs, installed and built.
pub struct Prepared {
    tools: Tools,
    binaries: Binaries,
}

impl Prepared {
    /// What was built.
    pub fn binaries(&self) -> &Binaries {
        &self.binaries
    }

    /// How to start what nobody waits for: the workers, and what stands for AWS, which has processors of its own elsewhere. Where the
    /// programs are optimised they give way to those who answer, as their pods would; where they are not, tests fill the machine, and
    /// what gives way to those gets nowhere.
    fn behind(&self, spec: Spec) -> Spec {
        if self.binaries.profile() == Profile::Release { spec.giving_way() } else { spec }
    }
}

/// Installs and builds what is missing.
pub async fn prepare(home: &Home, profile: Profile) -> Result<Prepared> {
    let tools = install::ensure(&home.venv()).await?;
    let binaries = Binaries::build(&home.root, profile).await?;
    Ok(Prepared { tools, binaries })
}

async fn run_until_told(home: &Home, prepared: &Prepared, shutdown: &Shutdown) -> Result<()> {
    let state = StateFile::create(home, &home.gateway())?;
    let mut supervisor = Supervisor::new(&home.logs(), Some(state.clone()))?;
    let started = tokio::select! {
        started = start(home, prepared, &mut supervisor) => started.map(Some),
        () = shutdown.wished() => Ok(None),
    };
    let outcome = match started {
        Ok(Some(system)) => {
            state.phase(Phase::Ready)?;
            greet(home, &system);
            supervisor.watch(shutdown).await
        }
        Ok(None) => Ok(()),
        Err(fault) => Err(fault),
    };
    say!("stopping");
    let _ = state.phase(Phase::Stopping); // a full disk must not keep us from stopping
    supervisor.stop_all(shutdown).await;
    state.remove();
    say!("stopped: nothing is left running");
    outcome
}

/// A system that is ready.
pub struct System {
    /// Its database.
    pub cluster: postgres::Cluster,
    /// Who may sign in.
    pub hospital: demo_hospital::Hospital,
    took: Duration,
}

/// Starts everything and waits until all of it is ready.
pub async fn start(home: &Home, prepared: &Prepared, supervisor: &mut Supervisor) -> Result<System> {
    let began = Instant::now();
    let mut secrets = Secrets::load_or_make(home)?;
    otlp::listen(home).await?;
    say!("starting PostgreSQL, Redis, SQS and S3");
    let cluster = start_parts(home, prepared, supervisor, &secrets).await?;

    say!("preparing schemas, queues and buckets");
    let settings = Settings::new(home, &secrets, &prepared.binaries);
    provision(home, &cluster, &secrets).await?;
    aws::create_buckets(&reqwest::Client::builder().no_proxy().build()?, &home.http(port::AWS)).await?;
    make_signing_keys(&settings, &prepared.binaries).await?;
    let mut queues = Command::new(prepared.binaries.path("queues")?);
    queues.arg("create").env_clear().envs(settings.queues_env()).current_dir(&home.root);
    let (queues, migrated) =
        tokio::join!(run(&mut queues, "create the queues"), migrate_all(home, &settings, &prepared.binaries));
    queues?;
    migrated?;

    say!("starting the services");
    if home.wire == Wire::Tls {
        Certificates::of(home).ensure(home).context("cannot make the gateway's certificate")?;
    }
    let gateway = gateway_config::write(home)?;
    let mut names = Vec::new();
    for service in SERVICES {
        for spec in [settings.serve(service)?, prepared.behind(settings.worker(service)?)] {
            names.push(spec.name.clone());
            supervisor.start(spec)?;
        }
    }
    supervisor.start(settings.gateway(&gateway)?)?;
    names.push("gateway".to_owned());
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    supervisor.wait_ready(&names, READY_BOUND).await?;

    let users_env = settings.service_env(SERVICES[0])?;
    let hospital = demo_hospital::ensure(home, &mut secrets, &prepared.binaries, users_env).await?;
    Ok(System { cluster, hospital, took: began.elapsed() })
}

async fn start_parts(
    home: &Home,
    prepared: &Prepared,
    supervisor: &mut Supervisor,
    secrets: &Secrets,
) -> Result<postgres::Cluster> {
    for folder in ["redis", "ministack"] {
        std::fs::create_dir_all(home.path(folder))?;
    }
    let cluster = postgres::Cluster::prepare(
        prepared.tools.postgres.clone(),
        &home.path("postgres"),
        home.port(port::POSTGRES),
        &secrets.postgres,
    )
    .await?;
    supervisor.start(cluster.spec(postgres::Durability::Safe))?;
    supervisor.start(redis::spec(&prepared.tools.redis, &home.path("redis"), home.port(port::REDIS)))?;
    let aws = aws::spec(&prepared.tools.ministack, &home.path("ministack"), home.port(port::AWS));
    supervisor.start(prepared.behind(aws))?;
    supervisor.wait_ready(&["postgres", "redis", "ministack"], READY_BOUND).await?;
    Ok(cluster)
}

/// Database, extensions, and each service's schema and roles. Safe to repeat, and skipped when the file is the same as last time.
async fn provision(home: &Home, cluster: &postgres::Cluster, secrets: &Secrets) -> Result<()> {
    let file = home.root.join("migrations/provision.sql");
    let sql = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let marker = home.path("provisioned.sql");
    if std::fs::read_to_string(&marker).is_ok_and(|done| done == sql) {
        return Ok(());
    }
    let offered = cluster.psql("postgres", &["-c", "select count(*) from pg_available_extensions where name in ('btree_gist', 'pg_trgm', 'unaccent', 'fuzzystrmatch')"]).await?;
    if offered.trim() != "4" {
        install::contrib().await?;
    }
    if cluster
        .psql("postgres", &["-c", &format!("select 1 from pg_database where datname = '{DATABASE}'")])
        .await?
        .trim()
        != "1"
    {
        cluster.psql("postgres", &["-c", &format!("create database {DATABASE}")]).await?;
    }
    for service in SERVICES {
        let own = secrets.of(service.name)?;
        let values = [
            format!("service={}", service.name),
            format!("app_password={}", own.app),
            format!("owner_password={}", own.owner),
        ];
        let [name, app, owner] = &values;
        cluster
            .psql(DATABASE, &["-v", name, "-v", app, "-v", owner, "-f", &file.display().to_string()])
            .await
            .with_context(|| format!("cannot provision {}", service.name))?;
    }
    std::fs::write(marker, sql)?;
    Ok(())
}

async fn migrate_all(home: &Home, settings: &Settings<'_>, binaries: &Binaries) -> Result<()> {
    for service in SERVICES {
        let mut command = Command::new(binaries.path(service.name)?);
        command.arg("migrate").env_clear().envs(settings.migrate_env(service)?).current_dir(&home.root);
        run(&mut command, &format!("migrate {}", service.name)).await?;
    }
    Ok(())
}

async fn make_signing_keys(settings: &Settings<'_>, binaries: &Binaries) -> Result<()> {
    let file = settings.signing_keys();
    if std::path::Path::new(&file).is_file() {
        return Ok(());
    }
    run(
        Command::new(binaries.path("users")?).args(["keys", "generate", "--file", &file]).env_clear(),
        "make the keys that sign access tokens",
    )
    .await
    .map(drop)
}

/// The address of the system that runs already, if one does. What a killed supervisor left behind is stopped first.
async fn already_up(home: &Home) -> Result<Option<String>> {
    let Some(state) = State::read(home) else { return Ok(None) };
    if state.supervisor.alive() {
        return Ok(Some(state.gateway));
    }
    if state.living().next().is_some() {
        say!("stopping what an earlier run left behind");
        running::stop_children(&state).await?;
    }
    Ok(None)
}

/// Fails with the names of all ports that somebody else listens on.
pub fn ports_free(ports: &[(String, u16)]) -> Result<()> {
    let taken: Vec<String> = ports
        .iter()
        .filter(|(_, number)| TcpListener::bind(("127.0.0.1", *number)).is_err())
        .map(|(name, number)| format!("{number} ({name})"))
        .collect();
    match taken.as_slice() {
        [] => Ok(()),
        [one] => bail!(
            "port {one} on 127.0.0.1 is taken by another program: stop that, or set EHS_PORT_OFFSET to move all ports of EHS"
        ),
        many => bail!(
            "ports {} on 127.0.0.1 are taken by other programs: stop those, or set EHS_PORT_OFFSET to move all ports of EHS",
            many.join(", ")
        ),
    }
}

fn greet(home: &Home, system: &System) {
    let (hospital, took) = (&system.hospital, system.took);
    say!("\nEHS is ready after {}.{} s", took.as_secs(), took.subsec_millis() / 100);
    say!("  gateway     {}", hospital.gateway);
    say!("  API         {}/api/docs/", hospital.gateway);
    say!("  HL7 v2      mllp://127.0.0.1:{}", home.port(port::MLLP));
    if let Some(authority) = &hospital.certificate_authority {
        say!("  authority   {}", authority.display());
        say!("  by hand     curl --cacert {} {}/readyz -i", home.short(authority), hospital.gateway);
    }
    say!("  sign-ins    (also in {})", home.short(&home.path("demo.json")));
    for user in &hospital.users {
        say!("    {:<14} {:<16} {}", user.role, user.username, user.password);
    }
    say!("\n  cargo xtask demo         plays a patient's journey against it");
    say!("  cargo xtask trace last   shows the last request that crossed services");
    say!("  cargo xtask down         stops it (Ctrl-C in this terminal does too)\n");
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_named_with_what_wanted_it() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let number = listener.local_addr().unwrap().port();
        let fault = ports_free(&[("gateway".to_owned(), number)]).unwrap_err().to_string();
        assert!(fault.starts_with(&format!("port {number} (gateway) on 127.0.0.1 is taken")), "{fault}");
    }
}
