//! `up --detach`: the supervisor as a process of its own, followed until all is ready.

use std::fs::{self, File};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Result, bail};
use rustix::process::Signal;

use crate::cargo::Profile;
use crate::home::{Home, Wire};
use crate::process::Identity;
use crate::shutdown::Shutdown;
use crate::state::{Phase, State};

/// Starts the supervisor and shows what it says until it is ready or has failed.
pub async fn start(home: &Home, profile: Profile, shutdown: &Shutdown) -> Result<()> {
    fs::create_dir_all(home.logs())?;
    let log = home.logs().join("supervisor.log");
    let output = File::create(&log)?;
    let mut command = tokio::process::Command::new(std::env::current_exe()?);
    command.args(["up", "--supervisor"]).current_dir(&home.root);
    if profile == Profile::Release {
        command.arg("--release");
    }
    if home.wire == Wire::Tls {
        command.arg("--tls");
    }
    let mut child = command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).spawn()?;
    let supervisor = child.id().and_then(Identity::of);
    let mut shown = 0;
    loop {
        let ended = child.try_wait()?;
        let state = State::read(home);
        let text = fs::read_to_string(&log).unwrap_or_default();
        for line in text.get(shown..).unwrap_or_default().lines() {
            say!("{line}");
        }
        shown = text.len();
        if let Some(status) = ended {
            bail!("EHS did not start ({status}): the reason is above");
        }
        if state.is_some_and(|state| state.phase == Phase::Ready && Some(&state.supervisor) == supervisor.as_ref()) {
            return Ok(());
        }
        if shutdown.within(Duration::from_millis(100)).await {
            if let Some(supervisor) = &supervisor {
                supervisor.signal(Signal::TERM);
            }
            child.wait().await?;
            bail!("stopped before everything was ready");
        }
    }
}
