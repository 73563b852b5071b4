//! Child processes: started, watched, stopped, with nothing left behind.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::Signal;
use serde::{Deserialize, Serialize};
use tokio::process::{Child, Command};

use crate::parts::postgres;
use crate::process::{Identity, last_lines};
use crate::shutdown::Shutdown;
use crate::state::{ChildState, StateFile};

/// A log file past this many bytes is moved aside.
const LOG_BOUND: u64 = 32 * 1024 * 1024;
/// How often a process may die within [`DEATH_WINDOW`] before it is left dead.
const DEATHS: usize = 5;
const DEATH_WINDOW: Duration = Duration::from_secs(60);
/// How long a process may take to end by itself.
const STOP_BOUND: Duration = Duration::from_secs(20);

/// Of two processes that would fill a processor, one of which is so much nicer, the other has nine tenths of it.
const GIVES_WAY: &str = "10";

/// A process to be run.
#[derive(Clone)]
pub struct Spec {
    /// Its name in logs and messages.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// Its whole environment, besides a few harmless variables of ours.
    pub env: Vec<(String, String)>,
    /// Its working folder.
    pub dir: PathBuf,
    /// The user to run it, if not ours.
    pub user: Option<postgres::User>,
    /// How to end it.
    pub stop: Stop,
    /// When to end it.
    pub layer: Layer,
    /// Where it is reached, for people.
    pub address: String,
    /// How to tell that it is ready.
    pub probe: Probe,
}

impl Spec {
    /// The same with less right to a processor, for work that nobody waits for beside work that somebody does.
    pub fn giving_way(mut self) -> Self {
        let program = self.program.display().to_string();
        self.args.splice(0..0, ["-n".to_owned(), GIVES_WAY.to_owned(), program]);
        self.program = PathBuf::from("nice");
        self
    }
}

/// The signal that ends a process in good order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stop {
    /// SIGTERM to its group.
    Terminate,
    /// SIGINT to the process alone, which tells its own children.
    Interrupt,
}

/// Processes stop by layer, the highest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Layer {
    /// PostgreSQL, Redis, SQS and S3.
    Part,
    /// A service's HTTP side.
    Serve,
    /// A service's background side.
    Worker,
    /// The gateway.
    Gateway,
}

/// A question that a ready process answers.
#[derive(Clone)]
pub enum Probe {
    /// This URL answers 200.
    Http(String),
    /// Redis says PONG on this port.
    Redis(u16),
    /// This cluster runs a query.
    Postgres(postgres::Cluster),
}

struct Running {
    spec: Spec,
    child: Child,
    identity: Identity,
    started: Instant,
    deaths: Vec<Instant>,
}

/// All children of one system.
pub struct Supervisor {
    logs: PathBuf,
    state: Option<StateFile>,
    http: reqwest::Client,
    running: Vec<Running>,
}

impl Supervisor {
    /// A supervisor that keeps logs in this folder and, if wanted, notes its children in a state file.
    pub fn new(logs: &Path, state: Option<StateFile>) -> Result<Self> {
        fs::create_dir_all(logs)?;
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(2)).build()?;
        Ok(Self { logs: logs.to_path_buf(), state, http, running: Vec::new() })
    }

    /// Starts a process.
    pub fn start(&mut self, spec: Spec) -> Result<()> {
        rotate(&self.log(&spec.name))?;
        let (child, identity) = self.spawn(&spec)?;
        self.running.push(Running { spec, child, identity, started: Instant::now(), deaths: Vec::new() });
        self.note()
    }

    /// The process that was started under this name.
    pub fn identity(&self, name: &str) -> Option<Identity> {
        self.running.iter().find(|running| running.spec.name == name).map(|running| running.identity.clone())
    }

    /// Waits until all of these are ready, saying so for each. One that dies meanwhile, or is not ready in time, is an error.
    pub async fn wait_ready(&mut self, names: &[&str], bound: Duration) -> Result<()> {
        let mut waiting: Vec<&str> = names.to_vec();
        let until = Instant::now() + bound;
        while !waiting.is_empty() {
            self.check_alive()?;
            let mut still = Vec::new();
            for name in waiting {
                let Some(running) = self.running.iter().find(|running| running.spec.name == name) else { continue };
                if running.spec.probe.answers(&self.http).await {
                    let took = running.started.elapsed().as_millis();
                    say!("  {name:<20} ready after {took:>5} ms   {}", running.spec.address);
                } else {
                    still.push(name);
                }
            }
            waiting = still;
            if let Some(name) = waiting.first()
                && Instant::now() > until
            {
                bail!("{name} was not ready within {} seconds; {}", bound.as_secs(), self.last_words(name));
            }
            if !waiting.is_empty() {
                tokio::time::sleep(Duration::from_millis(60)).await;
            }
        }
        Ok(())
    }

    /// Keeps the children running until it is told to stop: one that dies is started again, within reason.
    pub async fn watch(&mut self, shutdown: &Shutdown) -> Result<()> {
        let mut ticks: u32 = 0;
        while !shutdown.within(Duration::from_millis(500)).await {
            self.revive()?;
            ticks = ticks.wrapping_add(1);
            if ticks.is_multiple_of(20) {
                for running in &self.running {
                    bound_log(&self.log(&running.spec.name))?;
                }
            }
        }
        Ok(())
    }

    /// Stops everything, the last layer first; what does not end by itself is killed.
    pub async fn stop_all(&mut self, shutdown: &Shutdown) {
        for layer in [Layer::Gateway, Layer::Worker, Layer::Serve, Layer::Part] {
            let mut of_layer: Vec<&mut Running> =
                self.running.iter_mut().filter(|running| running.spec.layer == layer).collect();
            for running in &of_layer {
                end(&running.identity, running.spec.stop);
            }
            let until = Instant::now() + STOP_BOUND;
            while of_layer.iter_mut().any(|running| matches!(running.child.try_wait(), Ok(None))) {
                if Instant::now() > until || shutdown.hurried() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(30)).await;
            }
            for running in of_layer {
                if matches!(running.child.try_wait(), Ok(None)) {
                    say!("  {} did not end by itself and is killed", running.spec.name);
                    running.identity.signal_group(Signal::KILL);
                    let _ = running.child.wait().await; // after KILL it ends
                }
            }
        }
        self.running.clear();
    }

    fn spawn(&self, spec: &Spec) -> Result<(Child, Identity)> {
        let log = OpenOptions::new().create(true).append(true).open(self.log(&spec.name))?;
        let mut command = Command::new(&spec.program);
        command.args(&spec.args).current_dir(&spec.dir).process_group(0).stdin(Stdio::null());
        command.stdout(log.try_clone()?).stderr(log).env_clear().envs(harmless_env()).envs(spec.env.iter().cloned());
        if let Some(user) = &spec.user {
            command.uid(user.uid).gid(user.gid);
        }
        let mut child =
            command.spawn().with_context(|| format!("{} does not start: {}", spec.name, spec.program.display()))?;
        let pid = child.id().context("a process just started has a number")?;
        let Some(identity) = Identity::of(pid) else {
            let status = child.try_wait()?;
            bail!(
                "{} died at start{}; {}",
                spec.name,
                status.map_or_else(String::new, |status| format!(" ({status})")),
                self.last_words(&spec.name)
            );
        };
        Ok((child, identity))
    }

    fn check_alive(&mut self) -> Result<()> {
        for at in 0..self.running.len() {
            let Some(running) = self.running.get_mut(at) else { continue };
            if let Some(status) = running.child.try_wait()? {
                let name = running.spec.name.clone();
                bail!("{name} died at start ({status}); {}", self.last_words(&name));
            }
        }
        Ok(())
    }

    fn revive(&mut self) -> Result<()> {
        let mut changed = false;
        for mut running in std::mem::take(&mut self.running) {
            if let Some(status) = running.child.try_wait()? {
                let now = Instant::now();
                running.deaths.retain(|death| now.duration_since(*death) < DEATH_WINDOW);
                running.deaths.push(now);
                changed = true;
                if running.deaths.len() > DEATHS {
                    say!(
                        "{} died again ({status}) and is left so; {}",
                        running.spec.name,
                        self.last_words(&running.spec.name)
                    );
                    continue;
                }
                say!("{} died ({status}); starting it again", running.spec.name);
                (running.child, running.identity) = self.spawn(&running.spec)?;
            }
            self.running.push(running);
        }
        if changed { self.note() } else { Ok(()) }
    }

    fn log(&self, name: &str) -> PathBuf {
        self.logs.join(format!("{name}.log"))
    }

    fn last_words(&self, name: &str) -> String {
        let log = self.log(name);
        let text = fs::read(&log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
        if text.trim().is_empty() {
            return format!("it logged nothing ({})", log.display());
        }
        format!("its last log lines ({}):\n{}", log.display(), last_lines(&text, 8))
    }

    fn note(&self) -> Result<()> {
        let Some(state) = &self.state else { return Ok(()) };
        let children = self.running.iter().map(|running| ChildState {
            name: running.spec.name.clone(),
            identity: running.identity.clone(),
            address: running.spec.address.clone(),
            ready_url: match &running.spec.probe {
                Probe::Http(url) => Some(url.clone()),
                Probe::Redis(_) | Probe::Postgres(_) => None,
            },
            stop: running.spec.stop,
            layer: running.spec.layer,
        });
        state.children(children.collect())
    }
}

impl Probe {
    async fn answers(&self, http: &reqwest::Client) -> bool {
        match self {
            Self::Http(url) => matches!(http.get(url).send().await, Ok(answer) if answer.status().is_success()),
            Self::Redis(port) => redis_says_pong(*port).await,
            Self::Postgres(cluster) => cluster.psql("postgres", &["-c", "select 1"]).await.is_ok(),
        }
    }
}

/// Sends a process the signal that ends it.
pub fn end(identity: &Identity, stop: Stop) {
    match stop {
        Stop::Terminate => identity.signal_group(Signal::TERM),
        Stop::Interrupt => identity.signal(Signal::INT),
    }
}

/// Whether a Redis answers on this port.
pub async fn redis_says_pong(port: u16) -> bool {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let ask = async {
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
        stream.write_all(b"PING\r\n").await?;
        let mut answer = [0_u8; 5];
        stream.read_exact(&mut answer).await?;
        std::io::Result::Ok(answer == *b"+PONG")
    };
    matches!(tokio::time::timeout(Duration::from_secs(1), ask).await, Ok(Ok(true)))
}

/// Variables that a child may have from us. Everything else would let a developer's shell change what runs.
fn harmless_env() -> impl Iterator<Item = (String, String)> {
    ["PATH", "HOME", "LANG", "TMPDIR", "RUST_BACKTRACE"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?)))
}

/// The log of the run before stays beside as `.log.1`.
fn rotate(log: &Path) -> Result<()> {
    if log.exists() {
        fs::rename(log, log.with_extension("log.1"))?;
    }
    Ok(())
}

/// The process keeps its file open, so a log that is too long is copied away and cut off.
fn bound_log(log: &Path) -> Result<()> {
    if fs::metadata(log).is_ok_and(|meta| meta.len() > LOG_BOUND) {
        fs::copy(log, log.with_extension("log.1"))?;
        OpenOptions::new().write(true).open(log)?.set_len(0)?;
    }
    Ok(())
}
