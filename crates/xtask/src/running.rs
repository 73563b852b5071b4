//! `down`, `status`, `logs` and `reset`: a system that was started, seen from outside.

use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::time::Duration;

use anyhow::{Result, bail};
use rustix::process::Signal;

use crate::home::Home;
use crate::parts::postgres;
use crate::state::State;
use crate::supervise::{Layer, end};

/// The supervisor stops four layers, each within its own bound.
const SUPERVISOR_BOUND: Duration = Duration::from_secs(85);
const CHILD_BOUND: Duration = Duration::from_secs(10);

/// Stops a running system. Nothing running is fine.
pub async fn down(home: &Home) -> Result<()> {
    let Some(state) = State::read(home) else {
        say!("nothing is running");
        return Ok(());
    };
    if state.supervisor.alive() {
        say!("stopping");
        state.supervisor.signal(Signal::TERM);
        if !state.supervisor.gone_within(SUPERVISOR_BOUND).await {
            state.supervisor.signal(Signal::KILL);
        }
    }
    // Read again: the supervisor may have started something anew before it heard us.
    let last = State::read(home).unwrap_or(state);
    stop_children(&last).await?;
    let _ = fs::remove_file(home.path("state.json")); // the supervisor has removed it, if it ended well
    say!("stopped: nothing is left running");
    Ok(())
}

/// Stops children whose supervisor is gone, layer by layer.
pub async fn stop_children(state: &State) -> Result<()> {
    for layer in [Layer::Gateway, Layer::Worker, Layer::Serve, Layer::Part] {
        let of_layer: Vec<_> = state.living().filter(|child| child.layer == layer).collect();
        for child in &of_layer {
            end(&child.identity, child.stop);
        }
        for child in of_layer {
            if !child.identity.gone_within(CHILD_BOUND).await {
                child.identity.signal_group(Signal::KILL);
            }
            if !child.identity.gone_within(CHILD_BOUND).await {
                bail!("{} (process {}) cannot be stopped", child.name, child.identity.pid);
            }
        }
    }
    Ok(())
}

/// Prints what runs and whether it is ready; an error when something is not.
pub async fn status(home: &Home) -> Result<()> {
    let Some(state) = State::read(home).filter(|state| state.supervisor.alive() || state.living().next().is_some())
    else {
        bail!("EHS is not running: `cargo xtask up` starts it");
    };
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(2)).build()?;
    let mut faults = Vec::new();
    if !state.supervisor.alive() {
        faults.push("supervisor".to_owned());
    }
    say!("{:<20} {:>8}  {:<10} address", "name", "process", "state");
    for child in &state.children {
        let word = match &child.ready_url {
            _ if !child.identity.alive() => "dead",
            Some(url) if !matches!(http.get(url).send().await, Ok(answer) if answer.status().is_success()) => {
                "not ready"
            }
            Some(_) => "ready",
            None => "running",
        };
        if matches!(word, "dead" | "not ready") {
            faults.push(child.name.clone());
        }
        say!("{:<20} {:>8}  {word:<10} {}", child.name, child.identity.pid, child.address);
    }
    if !faults.is_empty() {
        bail!("not as it should be: {}", faults.join(", "));
    }
    Ok(())
}

/// Prints the end of a process's log, and goes on if asked to.
pub async fn logs(home: &Home, name: &str, lines: usize, follow: Follow) -> Result<()> {
    let path = home.logs().join(format!("{name}.log"));
    if !path.is_file() {
        let mut known: Vec<String> = fs::read_dir(home.logs())
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".log")?.to_owned()))
            .collect();
        known.sort();
        bail!("there is no log of {name}; there are: {}", known.join(", "));
    }
    let mut file = fs::File::open(&path)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let all: Vec<&str> = text.lines().collect();
    for line in all.iter().skip(all.len().saturating_sub(lines)) {
        say!("{line}");
    }
    if follow == Follow::No {
        return Ok(());
    }
    loop {
        tokio::time::sleep(Duration::from_millis(250)).await;
        // A fresh file, after a restart, is shorter than where we are.
        if fs::metadata(&path)?.len() < file.stream_position()? {
            file = fs::File::open(&path)?;
            file.seek(SeekFrom::Start(0))?;
        }
        let mut more = Vec::new();
        file.read_to_end(&mut more)?;
        std::io::stdout().write_all(&more)?;
    }
}

/// Whether to go on showing a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    /// Until Ctrl-C.
    Yes,
    /// What is there, then the end.
    No,
}

/// Stops everything and removes all data; keeps the Python environment, which is only a download.
pub async fn reset(home: &Home) -> Result<()> {
    down(home).await?;
    for entry in fs::read_dir(&home.dir)?.flatten() {
        if entry.file_name() == "venv" {
            continue;
        }
        let path = entry.path();
        if path.is_dir() { fs::remove_dir_all(&path)? } else { fs::remove_file(&path)? }
    }
    let elsewhere = postgres::elsewhere(&home.path("postgres"));
    if elsewhere.is_dir() {
        fs::remove_dir_all(&elsewhere)?;
    }
    say!("all data under {} is gone: the next `cargo xtask up` starts afresh", home.short(&home.dir));
    Ok(())
}
