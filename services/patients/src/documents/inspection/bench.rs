//! Where contents are taken apart: a process of its own for each, which has no secrets, little memory and little time. What
//! a content does to it, it does to nobody else.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::time::timeout;

use super::portion::{EXPANDS, MOST_DRAWN};
use crate::documents::types::Portion;

/// `SIGABRT`: how a Rust program ends that gets no more memory.
const ABORTED: i32 = 6;

/// Starts such processes.
#[derive(Clone, Debug)]
pub struct Bench {
    /// This service's own binary.
    pub program: PathBuf,
    /// Bytes of memory for one content.
    pub memory: u64,
    /// Seconds of computing for one content.
    pub seconds: u64,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// What was to be drawn.
    Drawn(Vec<u8>),
    /// There is none, or it cannot be had.
    Nothing,
    /// It unpacks to more than there is memory for.
    Expands,
}

impl Bench {
    /// With this program, and bounds that a hospital's documents keep.
    pub fn of(program: PathBuf) -> Self {
        Self { program, memory: 768 * 1024 * 1024, seconds: 20 }
    }

    /// Draws something out of a content.
    ///
    /// # Errors
    /// When no process can be started.
    pub async fn draw(&self, portion: Portion, content: Bytes) -> io::Result<Outcome> {
        let name = match portion {
            Portion::Text => "text",
            Portion::Picture => "picture",
            Portion::Page => "page",
        };
        let mut child = Command::new(&self.program)
            .args(["inspect", name, "--memory", &self.memory.to_string(), "--seconds", &self.seconds.to_string()])
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("a process without pipes"));
        };
        let mut drawn = Vec::new();
        let talk = async {
            let give = async {
                // one that reads no further has its reasons, and its exit tells them
                let _ = input.write_all(&content).await;
                drop(input);
            };
            let mut output = output.take(MOST_DRAWN + 1);
            let ((), read) = tokio::join!(give, output.read_to_end(&mut drawn));
            read?;
            drop(output);
            child.wait().await
        };
        // computing is bounded by the process itself; this is for one that waits
        let longest = Duration::from_secs(self.seconds.saturating_mul(4).saturating_add(10));
        let status = timeout(longest, talk).await;
        let outcome = match status {
            Ok(status) => outcome(portion, status?, drawn),
            Err(_elapsed) => Outcome::Nothing,
        };
        let word = match outcome {
            Outcome::Drawn(_) => "drawn",
            Outcome::Nothing => "nothing",
            Outcome::Expands => "expands",
        };
        metrics::counter!("document_portions_total", "portion" => name, "outcome" => word).increment(1);
        Ok(outcome)
    }
}

fn outcome(portion: Portion, status: ExitStatus, drawn: Vec<u8>) -> Outcome {
    let fits = u64::try_from(drawn.len()).is_ok_and(|size| size <= MOST_DRAWN);
    let expands = status.code() == Some(i32::from(EXPANDS)) || status.signal() == Some(ABORTED);
    match portion {
        _ if status.success() && fits => Outcome::Drawn(drawn),
        // a large picture needs memory by right, a text and a page of 640 pixels do not
        Portion::Text | Portion::Page if expands => Outcome::Expands,
        _ => Outcome::Nothing,
    }
}
