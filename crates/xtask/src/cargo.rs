//! Cargo, asked to build and to tell where it put things.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::process::Command;

/// The packages whose binaries make up a running system.
const PACKAGES: [&str; 6] = ["users", "patients", "appointments", "billing", "gateway", "events"];

/// Optimised or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Quick to build.
    Dev,
    /// Quick to run.
    Release,
}

/// Where the built programs are.
pub struct Binaries {
    programs: BTreeMap<String, PathBuf>,
    profile: Profile,
}

impl Binaries {
    /// Builds what a system needs; Cargo shows its own progress.
    pub async fn build(root: &Path, profile: Profile) -> Result<Self> {
        let mut command = cargo(root);
        command.args(["build", "--message-format=json-render-diagnostics"]);
        for package in PACKAGES {
            command.args(["--package", package]);
        }
        command.arg("--bins");
        if profile == Profile::Release {
            command.arg("--release");
        }
        let output = command
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .output()
            .await
            .context("cannot start cargo")?;
        if !output.status.success() {
            bail!("the build failed: see above");
        }
        let programs = output.stdout.split(|&byte| byte == b'\n').filter_map(executable).collect();
        Ok(Self { programs, profile })
    }

    /// Whether they are optimised.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// One program.
    pub fn path(&self, name: &str) -> Result<PathBuf> {
        self.programs
            .get(name)
            .cloned()
            .with_context(|| format!("no package of the workspace builds a binary named {name}"))
    }
}

/// Cargo, run at the workspace's root.
pub fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    command
}

/// What `cargo metadata` says of the workspace's own packages.
pub async fn metadata(root: &Path) -> Result<Value> {
    let text = crate::process::run(
        cargo(root).args(["metadata", "--format-version=1", "--no-deps"]),
        "ask cargo for the workspace's packages",
    )
    .await?;
    serde_json::from_str(&text).context("cargo metadata did not answer in JSON")
}

fn executable(line: &[u8]) -> Option<(String, PathBuf)> {
    let message: Value = serde_json::from_slice(line).ok()?;
    let path = message.get("executable")?.as_str()?;
    let name = message.pointer("/target/name")?.as_str()?;
    Some((name.to_owned(), PathBuf::from(path)))
}
