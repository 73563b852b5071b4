//! A PostgreSQL of one test's own, that it may kill. It commits as it does by default: durably.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use diesel_async::{AsyncConnection, AsyncPgConnection};
use testkit::eventually;
use tokio::process::Child;
use uuid::Uuid;

use crate::clinic::migrations;

pub struct Cluster {
    programs: PathBuf,
    data: PathBuf,
    port: u16,
    process: Option<Child>,
}

impl Cluster {
    /// Initialised, with the patients service's schema and roles, and migrated.
    pub async fn start() -> Self {
        let data = PathBuf::from(format!("/var/tmp/ehs-audit-{}", Uuid::now_v7().simple()));
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let mut cluster = Self { programs: programs(), data, port, process: None };
        fs::create_dir(&cluster.data).unwrap();
        if is_root() {
            ran(Command::new("chown").arg("postgres:").arg(&cluster.data));
        }
        ran(cluster.command("initdb").args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]));
        cluster.start_again().await;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations/provision.sql");
        ran(Command::new(cluster.program("psql"))
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-v", "service=patients"])
            .args(["-v", "owner_password=x", "-v", "app_password=x", "-f"])
            .arg(script)
            .arg(cluster.url("postgres")));
        chassis::db::migrate(&cluster.url("patients_owner").into(), migrations()).await.unwrap();
        cluster
    }

    /// Signs in as this role.
    pub fn url(&self, role: &str) -> String {
        format!("postgres://{role}@127.0.0.1:{}/postgres", self.port)
    }

    /// Starts it after it was killed, and waits until it answers.
    pub async fn start_again(&mut self) {
        let mut command = self.command("postgres");
        command.args(["-p", &self.port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
        command.args(["-c", "unix_socket_directories=", "-c", "logging_collector=off"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        self.process = Some(tokio::process::Command::from(command).kill_on_drop(true).spawn().unwrap());
        let url = self.url("postgres");
        eventually(|| async { AsyncPgConnection::establish(&url).await.is_ok() }).await;
    }

    /// SIGKILL to every one of its processes at once, as when the power goes; what was in their memory is lost.
    pub async fn kill(&mut self) {
        let mut postmaster = self.process.take().unwrap();
        let first = postmaster.id().unwrap().to_string();
        let all = Command::new("ps").args(["-A", "-o", "pid=,ppid="]).output().unwrap();
        let all = String::from_utf8(all.stdout).unwrap();
        let pairs = all.lines().filter_map(|line| line.trim().split_once(char::is_whitespace));
        let children = pairs.filter(|(_, parent)| parent.trim() == first).map(|(child, _)| child.to_owned());
        let children: Vec<String> = children.collect();
        assert!(children.len() > 3, "{children:?}");
        ran(Command::new("kill").arg("-9").arg(&first).args(children));
        postmaster.wait().await.unwrap();
    }

    fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    /// One of its programs on its data, as an ordinary user: PostgreSQL refuses root.
    fn command(&self, name: &str) -> Command {
        let mut command = match is_root() {
            true => Command::new("setpriv"),
            false => Command::new(self.program(name)),
        };
        if is_root() {
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(self.program(name));
        }
        command.arg("-D").arg(&self.data).current_dir("/");
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.process = None;
        let _ = fs::remove_dir_all(&self.data);
    }
}

fn programs() -> PathBuf {
    let told = Command::new("pg_config").arg("--bindir").output().ok();
    let told = told.map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    let mut found: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"))
        .chain(told)
        .filter(|bin| bin.join("initdb").is_file())
        .collect();
    found.sort();
    found.pop().expect("PostgreSQL's own programs: initdb, postgres")
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.trim_ascii() == b"0"
}

fn ran(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
