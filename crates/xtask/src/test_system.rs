//! A whole system of real processes for the tests that cross the gateway, started by `up` as a user would.

use std::path::PathBuf;
use std::process::Stdio;

use tokio::process::Command;

use crate::home::Home;

/// Added to every port, so that it stands beside a system that is in use.
const PORTS: &str = "5000";

/// That system, in a folder of its own.
pub struct TestSystem {
    xtask: PathBuf,
    /// Where its `demo.json` and its traces are.
    pub dir: PathBuf,
}

impl TestSystem {
    /// The system of this checkout's tests.
    pub fn of(home: &Home) -> std::io::Result<Self> {
        Ok(Self { xtask: std::env::current_exe()?, dir: home.path("system") })
    }

    /// Starts it with a fresh hospital and plays the demo against it; notes the name of what failed.
    pub async fn start_and_play(&self, failed: &mut Vec<&'static str>) {
        self.stop().await;
        say!("\n== a whole system");
        for (name, args) in [("reset", &["reset"][..]), ("up", &["up", "--detach"]), ("demo", &["demo"])] {
            if !self.run(args, Stdio::inherit).await {
                failed.push(name);
                return;
            }
        }
    }

    /// Stops it, if it runs, without a word: the test runner's lines stay the last.
    pub async fn stop(&self) {
        self.run(&["down"], Stdio::null).await;
    }

    async fn run(&self, args: &[&str], output: fn() -> Stdio) -> bool {
        let mut command = Command::new(&self.xtask);
        command.args(args).env("EHS_DIR", &self.dir).env("EHS_PORT_OFFSET", PORTS);
        command.stdin(Stdio::null()).stdout(output()).stderr(output());
        command.status().await.is_ok_and(|status| status.success())
    }
}
