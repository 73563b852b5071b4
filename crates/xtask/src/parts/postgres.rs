//! A private PostgreSQL cluster: found, initialised, started, provisioned.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use crate::home::random_hex;
use crate::process::{run, which};
use crate::supervise::{Layer, Probe, Spec, Stop};

/// The oldest major version that will do.
const OLDEST: u32 = 15;

/// One installation of PostgreSQL.
#[derive(Clone, Debug)]
pub struct Programs {
    bin: PathBuf,
    major: u32,
}

/// An ordinary user to run as, because PostgreSQL refuses root.
#[derive(Clone, Debug)]
pub struct User {
    /// Its number.
    pub uid: u32,
    /// Its group's number.
    pub gid: u32,
    name: String,
}

/// How careful the cluster is with its data.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Data outlives a crash.
    Safe,
    /// Data may be lost: for tests.
    Fast,
}

/// A cluster on this machine.
#[derive(Clone, Debug)]
pub struct Cluster {
    programs: Programs,
    data: PathBuf,
    user: Option<User>,
    port: u16,
    password: String,
}

impl Programs {
    /// The newest suitable installation on this machine, if any.
    pub fn newest() -> Result<Option<Self>> {
        let mut found: Vec<Self> = candidate_folders()
            .into_iter()
            .filter_map(Self::in_folder)
            .filter(|programs| programs.major >= OLDEST)
            .collect();
        found.sort_by_key(|programs| programs.major);
        Ok(found.pop())
    }

    /// A program of this installation.
    pub fn path(&self, name: &str) -> PathBuf {
        let own = self.bin.join(name);
        if own.is_file() { own } else { which(name).unwrap_or(own) }
    }

    fn in_folder(bin: PathBuf) -> Option<Self> {
        if !bin.join("initdb").is_file() || !bin.join("postgres").is_file() {
            return None;
        }
        let output = std::process::Command::new(bin.join("postgres")).arg("--version").output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?; // "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"
        let version = text.split_whitespace().find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
        let major = version.split(|sign: char| !sign.is_ascii_digit()).next()?.parse().ok()?;
        Some(Self { bin, major })
    }
}

/// Everywhere that systems put PostgreSQL's programs.
fn candidate_folders() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    if let Ok(output) = std::process::Command::new("pg_config").arg("--bindir").output() {
        folders.push(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    }
    folders.extend(which("initdb").and_then(|path| Some(path.parent()?.to_path_buf())));
    for (parent, prefix) in [
        ("/usr/lib/postgresql", ""),
        ("/usr/lib", "postgresql"),
        ("/usr/libexec", "postgresql"),
        ("/usr", "pgsql-"),
        ("/opt/homebrew/opt", "postgresql@"),
        ("/usr/local/opt", "postgresql@"),
        ("/home/linuxbrew/.linuxbrew/opt", "postgresql@"),
    ] {
        for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(prefix) {
                folders.push(entry.path().join("bin"));
            }
        }
    }
    folders
}

/// What PostgreSQL's manual advises for `shared_buffers`, in MiB: a quarter of the machine's memory; on a small machine enough
/// for the words of a million patients, on a large one no more than a hospital of millions of appointments has use for.
fn quarter_of_memory(meminfo: Option<&str>) -> u64 {
    let total = meminfo.and_then(|text| text.lines().find_map(|line| line.strip_prefix("MemTotal:")));
    let kib: Option<u64> = total.and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse().ok());
    (kib.unwrap_or_default() / 1024 / 4).clamp(512, 4096)
}

/// Linux's account of its memory; `None` elsewhere.
fn meminfo() -> Option<String> {
    std::fs::read_to_string("/proc/meminfo").ok()
}

impl Cluster {
    /// The cluster with its data under `wanted`, or where an ordinary user can reach it; initialised if it is new.
    pub async fn prepare(programs: Programs, wanted: &Path, port: u16, password: &str) -> Result<Self> {
        let user = ordinary_user().await?;
        let data = match &user {
            Some(user) => reachable_folder(wanted, user).await?,
            None => wanted.to_path_buf(),
        };
        let cluster = Self { programs, data, user, port, password: password.to_owned() };
        if cluster.data.join("PG_VERSION").is_file() {
            cluster.check_existing()?;
        } else {
            cluster.initialise().await?;
        }
        Ok(cluster)
    }

    /// The superuser's URL.
    pub fn superuser_url(&self) -> String {
        format!("postgres://postgres:{}@127.0.0.1:{}/postgres", self.password, self.port)
    }

    /// How to start it.
    pub fn spec(&self, durability: Durability) -> Spec {
        let port = self.port.to_string();
        let shared_buffers = match durability {
            Durability::Safe => format!("{}MB", quarter_of_memory(meminfo().as_deref())),
            Durability::Fast => "128MB".to_owned(), // tests have little in them
        };
        let mut settings = vec![
            ("listen_addresses", "127.0.0.1"),
            ("port", &port),
            ("unix_socket_directories", ""), // a path there may be too long, or somebody else's
            ("max_connections", "400"),
            ("shared_buffers", &shared_buffers),
            ("timezone", "UTC"),
            ("log_timezone", "UTC"),
            ("log_error_verbosity", "terse"), // the details of a violated constraint are patient data
            ("log_min_error_statement", "panic"),
        ];
        if durability == Durability::Fast {
            settings.extend([("fsync", "off"), ("synchronous_commit", "off"), ("full_page_writes", "off")]);
        }
        let mut args = vec!["-D".to_owned(), self.data.display().to_string()];
        for (name, value) in settings {
            args.extend(["-c".to_owned(), format!("{name}={value}")]);
        }
        Spec {
            name: "postgres".to_owned(),
            program: self.programs.path("postgres"),
            args,
            env: Vec::new(),
            dir: self.data.clone(),
            user: self.user.clone(),
            stop: Stop::Interrupt, // "fast" shutdown: a plain TERM waits for clients to leave
            layer: Layer::Part,
            address: format!("127.0.0.1:{}", self.port),
            probe: Probe::Postgres(self.clone()),
        }
    }

    /// Runs SQL, or a file of it (`-f`), as the superuser.
    pub async fn psql(&self, database: &str, args: &[&str]) -> Result<String> {
        let mut command = self.client("psql");
        command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database]).args(args);
        run(&mut command, "talk to PostgreSQL").await
    }

    /// One of PostgreSQL's client programs, set up to reach this cluster as the superuser.
    pub fn client(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.path(name));
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "postgres"]);
        command
            .env("PGPASSWORD", &self.password)
            .env("PGCONNECT_TIMEOUT", "3")
            .env("PGOPTIONS", "-c client_min_messages=warning");
        command
    }

    async fn initialise(&self) -> Result<()> {
        fs::create_dir_all(&self.data)?;
        fs::set_permissions(&self.data, fs::Permissions::from_mode(0o700))?;
        self.give(&self.data)?;
        // initdb wants an empty folder, so the password waits beside it.
        let password_file = std::env::temp_dir().join(format!("ehs-{}", random_hex(8)?));
        crate::home::write_private(&password_file, &self.password)?;
        self.give(&password_file)?;
        let mut outcome = Ok(String::new());
        // macOS knows no C.UTF-8, older releases no built-in one: the first that works.
        for locale in
            [&["--locale=C.UTF-8"][..], &["--locale=C", "--locale-provider=icu", "--icu-locale=en-IN"], &["--locale=C"]]
        {
            let mut command = Command::new(self.programs.path("initdb"));
            command.args(["--username=postgres", "--encoding=UTF8", "--auth=scram-sha-256", "--no-sync"]).args(locale);
            command.arg("--pwfile").arg(&password_file).arg("-D").arg(&self.data).current_dir("/");
            if let Some(user) = &self.user {
                command.uid(user.uid).gid(user.gid);
            }
            outcome = run(&mut command, "initialise PostgreSQL's data folder").await;
            if outcome.is_ok() {
                break;
            }
        }
        let _ = fs::remove_file(&password_file); // a random name, unreadable to others; the next line matters more
        outcome.map(drop)
    }

    fn check_existing(&self) -> Result<()> {
        let owner = fs::metadata(&self.data)?.uid();
        let runs_as = self.user.as_ref().map_or_else(|| rustix::process::geteuid().as_raw(), |user| user.uid);
        if owner != runs_as {
            bail!(
                "{} belongs to another user (uid {owner}): run this as the user who made it, or remove it with `cargo xtask reset` as that user",
                self.data.display()
            );
        }
        let made_by = fs::read_to_string(self.data.join("PG_VERSION")).unwrap_or_default();
        if made_by.trim() != self.programs.major.to_string() {
            bail!(
                "{} was made by PostgreSQL {}, but {} is installed now: `cargo xtask reset` starts afresh",
                self.data.display(),
                made_by.trim(),
                self.programs.major
            );
        }
        Ok(())
    }

    fn give(&self, path: &Path) -> Result<()> {
        if let Some(user) = &self.user {
            chown(path, Some(user.uid), Some(user.gid))
                .with_context(|| format!("cannot give {} to the user {}", path.display(), user.name))?;
        }
        Ok(())
    }
}

/// Where the data may lie instead, for a folder that PostgreSQL's user cannot reach.
pub fn elsewhere(wanted: &Path) -> PathBuf {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hash = DefaultHasher::new();
    wanted.hash(&mut hash);
    PathBuf::from(format!("/var/tmp/ehs-{:016x}", hash.finish()))
}

/// As root: the user that PostgreSQL's package made, or `nobody`. Otherwise none is needed.
async fn ordinary_user() -> Result<Option<User>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    for name in ["postgres", "_postgres", "nobody"] {
        let (Ok(uid), Ok(gid)) = (id("-u", name).await, id("-g", name).await) else { continue };
        return Ok(Some(User { uid, gid, name: name.to_owned() }));
    }
    bail!(
        "PostgreSQL refuses to run as root, and there is neither a user `postgres` nor `nobody` to run it: run this as an ordinary user"
    )
}

async fn id(flag: &str, name: &str) -> Result<u32> {
    Ok(run(Command::new("id").args([flag, name]), "look up a user").await?.trim().parse()?)
}

async fn reachable_folder(wanted: &Path, user: &User) -> Result<PathBuf> {
    let fallback = elsewhere(wanted);
    for folder in [wanted, fallback.as_path()] {
        if !folder.exists() {
            fs::create_dir_all(folder)?;
            chown(folder, Some(user.uid), Some(user.gid))?;
        }
        // A link that somebody else laid in /var/tmp must not lead us elsewhere.
        let is_folder = fs::symlink_metadata(folder)?.is_dir();
        let mut probe = Command::new("test");
        probe.arg("-w").arg(folder).uid(user.uid).gid(user.gid).current_dir("/");
        if is_folder && run(&mut probe, "reach the data folder").await.is_ok() {
            if folder != wanted {
                say!(
                    "PostgreSQL's data goes to {}: its user {} cannot reach {}",
                    folder.display(),
                    user.name,
                    wanted.display()
                );
            }
            return Ok(folder.to_path_buf());
        }
        let _ = fs::remove_dir(folder); // only if empty, as we made it
    }
    bail!("the user {} can write neither to {} nor to {}", user.name, wanted.display(), fallback.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_of_the_memory_within_bounds() {
        let of = |kib: u64| quarter_of_memory(Some(&format!("MemTotal:       {kib} kB\nMemFree: 1 kB\n")));
        assert_eq!(of(8 * 1024 * 1024), 2048);
        assert_eq!((of(1024 * 1024), of(256 * 1024 * 1024)), (512, 4096));
        assert_eq!((quarter_of_memory(None), quarter_of_memory(Some("?"))), (512, 512));
    }
}
