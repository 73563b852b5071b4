//! Where a local system keeps its things, and on which ports it listens.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// The gateway's port, and every other one, before `EHS_PORT_OFFSET` is added.
pub mod port {
    /// Where client apps come in.
    pub const GATEWAY: u16 = 8080;
    /// The gateway's own admin port.
    pub const GATEWAY_ADMIN: u16 = 9080;
    /// PostgreSQL.
    pub const POSTGRES: u16 = 15432;
    /// Redis.
    pub const REDIS: u16 = 16379;
    /// SQS and S3.
    pub const AWS: u16 = 14566;
    /// The receiver of traces.
    pub const OTLP: u16 = 14318;
    /// HL7 messages over MLLP.
    pub const MLLP: u16 = 2575;
}

/// One system on this machine: its workspace, its folder, its ports.
#[derive(Clone, Debug)]
pub struct Home {
    /// The workspace.
    pub root: PathBuf,
    /// Everything that is written: `target/ehs`, or what `EHS_DIR` names.
    pub dir: PathBuf,
    /// What it is for.
    pub purpose: Purpose,
    /// What the gateway speaks.
    pub wire: Wire,
    port_offset: u16,
}

/// What the gateway of a system on this machine speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// HTTP.
    Plain,
    /// HTTPS, with a certificate by an authority of this machine.
    Tls,
}

/// What a system on this machine is for; each has a folder of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To be used.
    Up,
    /// The parts that tests talk to.
    Test,
    /// To be measured.
    Bench,
}

impl Home {
    /// The system of `cargo xtask up`.
    pub fn up() -> Result<Self> {
        Self::of(Purpose::Up)
    }

    /// A system for this purpose.
    pub fn of(purpose: Purpose) -> Result<Self> {
        let root = root()?;
        let (variable, folder) = match purpose {
            Purpose::Up => ("EHS_DIR", "ehs"),
            Purpose::Test => ("EHS_TEST_DIR", "ehs-test"),
            Purpose::Bench => ("EHS_BENCH_DIR", "ehs-bench"),
        };
        let dir = match std::env::var_os(variable) {
            Some(dir) => std::path::absolute(dir)?,
            None => root.join("target").join(folder),
        };
        fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let asked: u16 = match std::env::var("EHS_PORT_OFFSET") {
            Ok(text) => text.parse().with_context(|| format!("EHS_PORT_OFFSET is not a number: {text}"))?,
            Err(_) => 0,
        };
        // So that measuring does not collide with a system that is in use.
        let port_offset = if purpose == Purpose::Bench { asked.saturating_add(500) } else { asked };
        Ok(Self { root, dir, purpose, wire: Wire::Plain, port_offset })
    }

    /// The Python environment, one for all purposes: it is only a program.
    pub fn venv(&self) -> PathBuf {
        self.root.join("target/ehs/venv")
    }

    /// A port of this system, from its usual number.
    pub fn port(&self, usual: u16) -> u16 {
        usual.saturating_add(self.port_offset)
    }

    /// `http://127.0.0.1:<port>` of a usual port number.
    pub fn http(&self, usual: u16) -> String {
        format!("http://127.0.0.1:{}", self.port(usual))
    }

    /// Where client apps come in.
    pub fn gateway(&self) -> String {
        let address = self.http(port::GATEWAY);
        if self.wire == Wire::Tls { address.replacen("http://", "https://", 1) } else { address }
    }

    /// A file or folder of this system.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The folder of log files.
    pub fn logs(&self) -> PathBuf {
        self.path("logs")
    }

    /// A path as a person at the workspace's root would type it.
    pub fn short<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}

/// The workspace's root: the folder above `crates/xtask`.
pub fn root() -> Result<PathBuf> {
    let crate_dir =
        std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    match crate_dir.ancestors().nth(2) {
        Some(root) if root.join("Cargo.toml").is_file() => Ok(root.to_path_buf()),
        _ => bail!("{} does not lie in the EHS workspace", crate_dir.display()),
    }
}

/// Writes a file that only its owner may read, whole or not at all.
pub fn write_private(path: &Path, content: &str) -> Result<()> {
    let fresh = path.with_extension("new");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
    file.write_all(content.as_bytes())?;
    fs::rename(&fresh, path).with_context(|| format!("cannot write {}", path.display()))
}

/// `bytes` random bytes as hexadecimal digits, from the operating system.
pub fn random_hex(bytes: usize) -> Result<String> {
    let mut raw = vec![0_u8; bytes];
    fs::File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut raw))
        .context("cannot read /dev/urandom")?;
    Ok(raw.iter().map(|byte| format!("{byte:02x}")).collect())
}
