//! Processes by number *and* time of birth, so that a recycled number is never taken for one of ours.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde::{Deserialize, Serialize};

/// Who a process is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Its number.
    pub pid: u32,
    /// When it was born, in the system's own words.
    pub born: String,
}

impl Identity {
    /// The process that has this number now; `None` when there is none, or it is dead and waits to be reaped.
    pub fn of(pid: u32) -> Option<Self> {
        let born = if Path::new("/proc/self/stat").exists() { born_by_proc(pid)? } else { born_by_ps(pid)? };
        Some(Self { pid, born })
    }

    /// This process itself.
    pub fn own() -> Result<Self> {
        Self::of(std::process::id()).context("cannot tell when this process started")
    }

    /// Whether the very same process still runs.
    pub fn alive(&self) -> bool {
        Self::of(self.pid).as_ref() == Some(self)
    }

    /// Sends a signal to the process if it is still the same.
    pub fn signal(&self, signal: Signal) {
        if self.alive()
            && let Some(pid) = self.raw()
        {
            let _ = kill_process(pid, signal); // it may have ended in between, which is what we want
        }
    }

    /// Sends a signal to its whole group (our children lead groups of their own).
    pub fn signal_group(&self, signal: Signal) {
        if self.alive()
            && let Some(pid) = self.raw()
        {
            let _ = kill_process_group(pid, signal); // as above
        }
    }

    /// Waits until the process is gone; `false` when it still runs at the end.
    pub async fn gone_within(&self, bound: Duration) -> bool {
        let until = tokio::time::Instant::now() + bound;
        while self.alive() {
            if tokio::time::Instant::now() >= until {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        true
    }

    fn raw(&self) -> Option<Pid> {
        Pid::from_raw(i32::try_from(self.pid).ok()?)
    }
}

/// Boot id and start ticks: unique over reboots too.
fn born_by_proc(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let (state, ticks) = (fields.first()?, fields.get(19)?);
    if *state == "Z" || *state == "X" {
        return None;
    }
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    Some(format!("{}/{ticks}", boot.trim()))
}

fn born_by_ps(pid: u32) -> Option<String> {
    let output = Command::new("ps").args(["-o", "stat=,lstart=", "-p", &pid.to_string()]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (state, born) = text.trim().split_once(' ')?;
    (!state.starts_with('Z')).then(|| born.trim().to_owned())
}

/// The first program of that name on `PATH`.
pub fn which(name: &str) -> Option<std::path::PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|dir| dir.join(name)).find(|path| path.is_file())
}

/// Runs a short command to its end and gives what it printed; its failure is an error that carries its last words.
pub async fn run(command: &mut tokio::process::Command, what: &str) -> Result<String> {
    let output = command
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .with_context(|| format!("cannot {what}: {:?} does not start", command.as_std().get_program()))?;
    if !output.status.success() {
        let words = [output.stdout, output.stderr].concat();
        bail!("cannot {what} ({}):\n{}", output.status, last_lines(&String::from_utf8_lossy(&words), 12));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The last `count` lines of a text, indented.
pub fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let from = lines.len().saturating_sub(count);
    lines.iter().skip(from).map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_number_alone_is_nobody() {
        let own = Identity::own().unwrap();
        assert!(own.alive());
        let namesake = Identity { born: "another time".to_owned(), ..own };
        assert!(!namesake.alive());
    }

    #[tokio::test]
    async fn a_process_that_ended_is_gone_even_before_it_is_reaped() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let identity = Identity::of(child.id()).unwrap();
        identity.signal(Signal::KILL);
        assert!(identity.gone_within(Duration::from_secs(5)).await);
        child.wait().unwrap();
    }

    #[test]
    fn last_lines_are_the_last_that_say_something() {
        assert_eq!(last_lines("one\n\ntwo\nthree\n\n", 2), "    two\n    three");
    }
}
